//! Weight conversions equal those of the official code.

mod support;

use std::collections::BTreeSet;

use timeweave_weights::initialise::{
    FrameAxis, inflate, resize_frames, rgb_to_difference, rgb_to_flow, tin_frame_axes,
};
use timeweave_weights::{Dtype, RawTensor, StateDict, read};

fn conversions() -> (serde_json::Value, StateDict) {
    let folder = support::fixtures().join("conversions");
    let tensors = read(folder.join("conversions.safetensors")).expect("the fixtures");
    (support::json(&folder.join("index.json")), tensors)
}

fn values(tensor: &RawTensor) -> Vec<f32> {
    assert_eq!(tensor.dtype, Dtype::F32);
    tensor.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Two roundings to float32 at most lie between two orders of the same sum.
fn assert_close(found: &RawTensor, expected: &RawTensor, label: &str) {
    assert_eq!(found.shape, expected.shape, "{label}");
    for (found, expected) in values(found).iter().zip(values(expected)) {
        let tolerance = 2.0 * f32::EPSILON * expected.abs().max(0.1);
        assert!((found - expected).abs() <= tolerance, "{label}: {found} {expected}");
    }
}

#[test]
fn conversions_equal_those_of_the_official_code() {
    let (index, tensors) = conversions();
    let get = |name: &str| tensors.get(name).unwrap_or_else(|| panic!("no tensor {name}"));
    let mut done = 0;
    for case in index.as_array().expect("a list") {
        let label = case["name"].as_str().expect("a name");
        let (input, output) = (case["input"].as_str(), case["output"].as_str());
        let (input, output) = (input.expect("an input"), output.expect("an output"));
        let length = case["new_length"].as_u64();
        match case["op"].as_str().expect("an op") {
            "rgb_to_flow" => {
                let channels = case["input_channels"].as_u64().or(length.map(|l| 2 * l));
                let flow = rgb_to_flow(get(input), channels.expect("channels"));
                assert_close(&flow.expect(label), get(output), label);
            }
            "rgb_to_rgbdiff" => {
                let keep = case["keep_rgb"].as_bool().expect("a switch");
                let difference = rgb_to_difference(get(input), length.expect("a length"), keep);
                assert_close(&difference.expect(label), get(output), label);
            }
            "inflate" => {
                let divide = case["divided_by_t"].as_bool().expect("a switch");
                let kernels = case["kernel_t"].as_object().expect("kernel lengths");
                for (name, frames) in kernels {
                    let weight = get(&input.replace('*', name));
                    let weight = inflate(weight, frames.as_u64().expect("frames"), divide);
                    assert_close(&weight.expect(name), get(&output.replace('*', name)), name);
                }
            }
            // The difference of frames belongs to the networks, not to their weights.
            _ => continue,
        }
        done += 1;
    }
    assert!(done >= 9, "{done} conversions");
    println!("checked: {done} weight conversions");
}

#[test]
fn every_float_type_converts_and_integers_do_not() {
    let ones = |dtype, one: &[u8]| RawTensor::new(dtype, vec![2, 3, 1, 1], one.repeat(6));
    for (dtype, one) in [
        (Dtype::F16, &[0x00, 0x3c][..]),
        (Dtype::BF16, &[0x80, 0x3f]),
        (Dtype::F32, &[0, 0, 0x80, 0x3f]),
        (Dtype::F64, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
    ] {
        let flow = rgb_to_flow(&ones(dtype, one).expect("ones"), 10).expect("floats");
        assert_eq!((flow.dtype, flow.shape.as_slice()), (dtype, &[2, 10, 1, 1][..]));
        assert_eq!(flow.data, one.repeat(20));
    }
    let error = rgb_to_flow(&ones(Dtype::U8, &[1]).expect("ones"), 10).expect_err("integers");
    assert_eq!(error.code(), "DTYPE_MISMATCH");
}

#[test]
fn other_shapes_are_refused() {
    let flat = RawTensor::from_f32(vec![2, 4, 1, 1], &[0.0; 8]).expect("zeros");
    assert_eq!(rgb_to_flow(&flat, 10).expect_err("four channels").code(), "SHAPE_MISMATCH");
    assert!(inflate(&flat, 0, true).is_err());
    let linear = RawTensor::from_f32(vec![2, 4], &[0.0; 8]).expect("zeros");
    assert!(inflate(&linear, 3, true).is_err());
    assert!(resize_frames(&linear, FrameAxis::Input(2), 3).is_err());
    assert!(resize_frames(&linear, FrameAxis::Input(0), 0).is_err());
    assert!(RawTensor::from_f32(vec![2, 4], &[0.0; 7]).is_err());
}

#[test]
fn frames_shown_twice_give_the_answer_of_frames_shown_once() {
    // y[o] = b[o] + sum_t w[o][t] x[t], o and t frames, as in TIN's first linear layer
    let weight = [0.5, -1.0, 2.0, 0.25, 0.0, 1.0, -0.5, 3.0, 1.5];
    let bias = [1.0, 2.0, -3.0];
    let clip = [1.0_f32, -2.0, 0.5];
    let weight = RawTensor::from_f32(vec![3, 3], &weight).expect("a matrix");
    let bias = RawTensor::from_f32(vec![3], &bias).expect("a vector");
    let mut wide = weight.clone();
    for &axis in tin_frame_axes("layer1.0.conv1.net1.biasnet.net.fc.weight") {
        wide = resize_frames(&wide, axis, 6).expect("two axes of frames");
    }
    let [FrameAxis::Output(0)] = tin_frame_axes("a.biasnet.net.fc.bias") else {
        panic!("the bias has one value for each frame")
    };
    let wide_bias = resize_frames(&bias, FrameAxis::Output(0), 6).expect("an axis of frames");
    let once = linear(&weight, &bias, &clip);
    let twice = linear(&wide, &wide_bias, &clip.map(|x| [x, x]).concat());
    let expected: Vec<f32> = once.iter().flat_map(|&y| [y, y]).collect();
    assert_eq!(twice, expected);
}

fn linear(weight: &RawTensor, bias: &RawTensor, x: &[f32]) -> Vec<f32> {
    let rows = values(weight);
    let rows = rows.chunks(x.len()).zip(values(bias));
    rows.map(|(row, bias)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + bias).collect()
}

#[test]
fn resizing_keeps_the_answer_to_a_constant_clip_at_any_number_of_frames() {
    let weight = RawTensor::from_f32(vec![2, 8], &std::array::from_fn::<f32, 16, _>(|i| i as f32))
        .expect("a matrix");
    for frames in [1, 3, 5, 8, 11, 16] {
        let resized = resize_frames(&weight, FrameAxis::Input(1), frames).expect("frames");
        assert_eq!(resized.shape, [2, frames]);
        for (row, expected) in values(&resized).chunks(frames as usize).zip([28.0, 92.0]) {
            let sum: f32 = row.iter().sum();
            assert!((sum - expected).abs() < 1e-4, "{frames} frames: {sum}");
        }
    }
    assert_eq!(resize_frames(&weight, FrameAxis::Input(1), 8).expect("frames"), weight);
}

#[test]
fn the_layers_of_tin_that_depend_on_the_number_of_frames_are_known() {
    let mut checked = BTreeSet::new();
    for frames in [8, 16] {
        let case = format!("tin_r50_{frames}_xtemporal");
        let networks = support::networks();
        let Some((_, network)) = networks.iter().find(|network| network.0 == case) else {
            continue;
        };
        for (name, shape) in network {
            let axes = tin_frame_axes(name);
            let is_frames = |axis: &FrameAxis| {
                let (FrameAxis::Input(at) | FrameAxis::Output(at)) = axis;
                shape[*at] == frames
            };
            assert!(axes.iter().all(is_frames), "{name} {shape:?}");
            // No other weight of the network has an axis of this length, but those of a few
            // channels in its first stages.
            if name.contains("biasnet") && shape.contains(&frames) && !name.contains(".conv.") {
                assert_eq!(axes.len(), shape.iter().filter(|&&size| size == frames).count());
                checked.insert(name.clone());
            }
        }
    }
    assert!(checked.is_empty() || checked.len() == 16 * 3, "{}", checked.len());
    println!("checked: {} weights that have an axis of frames", checked.len());
}
