//! Records to samples: the stages joined, with all randomness drawn from (seed, epoch, index).
