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

/// TIN as its authors have it, call by call (deepcs233/TIN ops/temporal_interlace.py:19-53 and 116-149);
/// what predicts offsets and weights is not part of it.
///
/// Their shift by whole frames is a CUDA operation of their own (cuda_shift/rtc_wrap.py:15-31); see
/// [`shifted`] for what stands for it.
pub fn interlace(x: &Tensor, offsets: &Tensor, weights: &Tensor, frames: i64, fold: i64) -> Tensor {
    let (size, groups) = (x.size(), offsets.size()[1]);
    let (n, channels, plane) = (size[0] / frames, size[1], size[2] * size[3]);
    let out = x.zeros_like();
    let moving = x.narrow(1, 0, fold).view([n, frames, fold, size[2], size[3]]);

    let floor = offsets.floor().to_kind(Kind::Int);
    let data = moving.view([n, frames, fold, plane]).contiguous();
    let (near, far) = (shifted(&data, &floor), shifted(&data, &(&floor + 1)));
    let near_share: Tensor = 1.0 - (offsets - floor.to_kind(offsets.kind()));
    let far_share: Tensor = 1.0 - &near_share;
    let spread =
        |share: Tensor| share.unsqueeze(2).repeat([1, 1, fold / groups]).view([n, 1, fold, 1]);
    let (near_share, far_share) = (spread(near_share), spread(far_share));
    let blended: Tensor = near_share * near + far_share * far;
    let blended = blended.view([n, frames, fold, size[2], size[3]]);

    let scale = weights.unsqueeze(3).repeat([1, 1, 1, fold / groups]);
    let scale = scale.view([n, frames, fold, 1, 1]);
    let weighed = (blended * scale).contiguous().view([n * frames, fold, size[2], size[3]]);
    out.narrow(1, 0, fold).copy_(&weighed);
    out.narrow(1, fold, channels - fold).copy_(&x.narrow(1, fold, channels - fold));
    out
}

/// `data` `[N, T, F, H*W]` with each group of channels moved by whole frames.
///
/// Every clip and group is cut and padded along time, whose gradient is a cut and a pad too; then they
/// are put together again. Of the ways that need no operation of its own this was the fastest here.
fn shifted(data: &Tensor, by: &Tensor) -> Tensor {
    let frames = data.size()[1];
    let clips = data.unbind(0).into_iter().zip(by.unbind(0)).map(|(clip, by)| {
        let groups = clip.chunk(by.size()[0], 1).into_iter().enumerate().map(|(group, data)| {
            let by = by.int64_value(&[group as i64]).clamp(-frames, frames);
            data.constant_pad_nd([0, 0, 0, 0, by, -by])
        });
        Tensor::cat(&groups.collect::<Vec<_>>(), 1)
    });
    Tensor::stack(&clips.collect::<Vec<_>>(), 0)
}
