//! Benches live in their own crate, so that criterion never becomes a dependency of the product.
