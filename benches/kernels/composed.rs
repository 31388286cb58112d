//! The operations as their authors compose them of tensor calls.

use tch::{Kind, Tensor};

/// TAM as bLVNet-TAM has it: a depthwise 1x1 convolution per tap, each result padded and cut in time,
/// then stacked, summed and rectified (IBM/bLVNet-TAM core/models/blvnet_tam_backbone.py:17-76).
pub fn aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Tensor {
    let (size, channels) = (x.size(), x.size()[1]);
    let clips = |y: Tensor| y.view([-1, frames, channels, size[2], size[3]]);
    let product = |tap: i64| {
        let weight = taps.select(0, tap).view([channels, 1, 1, 1]);
        clips(x.conv2d(&weight, None::<&Tensor>, [1, 1], [0, 0], [1, 1], channels))
    };
    let (past, here, next) = (product(0), product(1), product(2));
    let in_time = |before, after| [0, 0, 0, 0, 0, 0, before, after];
    let past = past.constant_pad_nd(in_time(1, 0)).narrow(1, 0, frames);
    let next = next.constant_pad_nd(in_time(0, 1)).narrow(1, 1, frames);
    let sum = Tensor::stack(&[past, here, next], 0).sum_dim_intlist(
        [0i64].as_slice(),
        false,
        None::<Kind>,
    );
    sum.view(size.as_slice()).relu()
}

/// TIN as its authors have it, the two whole-frame shifts as gathers: shifts by the floor of the offset
/// and by one more, blended, weighed and put beside the channels that stay
/// (deepcs233/TIN ops/temporal_interlace.py:19-204).
pub fn interlace(x: &Tensor, offsets: &Tensor, weights: &Tensor, frames: i64, fold: i64) -> Tensor {
    let (size, groups) = (x.size(), offsets.size()[1]);
    let (n, channels, plane) = (size[0] / frames, size[1], size[2] * size[3]);
    let each = fold / groups;
    let moving = x.narrow(1, 0, fold).reshape([n, frames, groups, each * plane]);
    let floor = offsets.detach().floor();
    let fraction = (offsets - &floor).view([n, 1, groups, 1]);
    let shifted = |by: i64| {
        let whole = (&floor + by as f64).to_kind(Kind::Int64).view([n, 1, groups]);
        let time = Tensor::arange(frames, (Kind::Int64, x.device())).view([1, frames, 1]);
        let source = time - whole;
        let inside = source.ge(0).logical_and(&source.lt(frames)).unsqueeze(-1);
        let index = source.clamp(0, frames - 1).unsqueeze(-1).expand_as(&moving);
        moving.gather(1, &index, false) * inside.to_kind(x.kind())
    };
    let (near, far) = (shifted(0), shifted(1));
    let blended: Tensor = near * (1.0 - &fraction) + far * &fraction;
    let weighed: Tensor = blended * weights.view([n, frames, groups, 1]);
    let weighed = weighed.view([n * frames, fold, size[2], size[3]]);
    let kept = x.narrow(1, fold, channels - fold);
    Tensor::cat(&[weighed, kept], 1)
}
