//! The operations against numbers that Pillow and colorsys gave, and the rules of drawing.

use serde_json::Value;

use super::*;
use crate::transform::{EraseFill, RandomErasing};

/// Pictures and what became of them: `fixtures/transforms/augment.json`, made by `fixtures/transforms/augment.py`.
fn cases() -> Value {
    let folder = std::env::var_os("TIMEWEAVE_FIXTURES")
        .map(|folder| std::path::PathBuf::from(folder).join("transforms/augment.json"))
        .filter(|file| file.is_file());
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/transforms/augment.json");
    let text = std::fs::read(folder.unwrap_or_else(|| own.into())).expect("the cases");
    serde_json::from_slice(&text).expect("JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::from_value(value.clone()).expect("bytes")
}

fn change(name: &str, amount: f64, size: (usize, usize)) -> Change {
    match name {
        "brightness" => Change::Brightness(amount as f32),
        "contrast" => Change::Contrast(amount as f32),
        "saturation" => Change::Saturation(amount as f32),
        "hue" => Change::Hue(amount as f32),
        "sharpness" => Change::Sharpness(amount as f32),
        "posterize" => Change::Posterize(amount as u32),
        "solarize" => Change::Solarize(amount as u16),
        "autoContrast" => Change::AutoContrast,
        "equalize" => Change::Equalize,
        "shearX" => Change::Affine(Affine::shear_x(amount)),
        "shearY" => Change::Affine(Affine::shear_y(amount)),
        "translateX" => Change::Affine(Affine::shift(amount, 0.0)),
        "translateY" => Change::Affine(Affine::shift(0.0, amount)),
        "rotate" => Change::Affine(Affine::turn(amount, size)),
        other => panic!("an operation that is not known: {other}"),
    }
}

#[test]
fn operations_equal_those_of_pillow() {
    let cases = cases();
    let mut checked = 0;
    for picture in cases["pictures"].as_array().expect("pictures") {
        let (width, height) = (
            picture["width"].as_u64().expect("a width") as usize,
            picture["height"].as_u64().expect("a height") as usize,
        );
        let original = bytes(&picture["planes"]);
        for case in picture["cases"].as_array().expect("cases") {
            let (name, amount) = (case["op"].as_str().expect("a name"), case["amount"].as_f64());
            let mut planes = original.clone();
            let change = change(name, amount.expect("an amount"), (width, height));
            change.apply(&mut Planes { data: &mut planes, width, height }, &mut Vec::new());
            assert_eq!(planes, bytes(&case["planes"]), "{name} {amount:?} of {width}x{height}");
            assert!(
                planes != original || case["same"] == true,
                "{name} {amount:?} changes nothing"
            );
            checked += 1;
        }
    }
    assert!(checked >= 40, "{checked} operations");
    println!("checked: {checked} image operations");
}

#[test]
fn strengths_are_those_of_torchvision() {
    let strong = RandAugment { operations: 1, magnitude: 30 };
    let middle = RandAugment { operations: 1, magnitude: 9 };
    assert_eq!(strong.change(0, false, 224), None);
    assert_eq!(strong.change(1, true, 224), Some(Change::Affine(Affine::shear_x(-0.3))));
    assert_eq!(strong.change(3, false, 224), Some(Change::Affine(Affine::shift(101.0, 0.0))));
    assert_eq!(strong.change(6, true, 224), Some(Change::Brightness(0.1_f64 as f32)));
    assert_eq!(strong.change(10, false, 224), Some(Change::Posterize(4)));
    assert_eq!(middle.change(10, false, 224), Some(Change::Posterize(7)));
    assert_eq!(strong.change(11, false, 224), Some(Change::Solarize(0)));
    assert_eq!(middle.change(11, false, 224), Some(Change::Solarize(179)));
    let mut kinds = std::collections::BTreeSet::new();
    let mut draws = Draws::new(3, 0, 0);
    for _ in 0..500 {
        let mut changes = Vec::new();
        RandAugment { operations: 3, magnitude: 9 }.draw(64, &mut draws, &mut changes);
        assert!(changes.len() <= 3);
        kinds.extend(changes.iter().map(|change| {
            let text = format!("{change:?}");
            text.split('(').next().expect("a name").to_owned()
        }));
    }
    assert_eq!(kinds.len(), 9, "{kinds:?}");
}

#[test]
fn jitter_stays_in_its_range_and_changes_its_order() {
    let jitter =
        ColorJitter { brightness: 0.4, contrast: 2.0, saturation: 0.0, hue: 0.1, probability: 0.5 };
    let (mut changed, mut firsts) = (0, std::collections::BTreeSet::new());
    for sample in 0..1000 {
        let mut changes = Vec::new();
        jitter.draw(&mut Draws::new(1, 2, sample), &mut changes);
        changed += usize::from(!changes.is_empty());
        for (at, change) in changes.iter().enumerate() {
            let name = match *change {
                Change::Brightness(f) => {
                    assert!((0.6..=1.4).contains(&f), "{f}");
                    "brightness"
                }
                Change::Contrast(f) => {
                    assert!((0.0..=3.0).contains(&f), "{f}");
                    "contrast"
                }
                Change::Saturation(f) => {
                    assert!((f - 1.0).abs() < 1e-6, "{f}");
                    "saturation"
                }
                Change::Hue(f) => {
                    assert!((-0.1..=0.1).contains(&f), "{f}");
                    "hue"
                }
                other => panic!("{other:?}"),
            };
            if at == 0 {
                firsts.insert(name);
            }
        }
    }
    assert!((430..570).contains(&changed), "{changed} of 1000 changed");
    assert_eq!(firsts.len(), 4);
}

#[test]
fn an_erased_rectangle_has_its_size_and_the_same_place_in_every_frame() {
    let erasing = RandomErasing { probability: 1.0, ..RandomErasing::default() };
    let side = 40;
    let mut areas = Vec::new();
    for sample in 0..300 {
        let mut draws = Draws::new(4, 0, sample);
        let erasure =
            erasing.draw((side, side), [0.5, 0.25, 1.0], &mut draws).expect("a rectangle");
        let mut planes = vec![7; 3 * side * side];
        erasure.apply(&mut planes, (side, side));
        let filled = |channel: usize, value: u8| {
            let plane = &planes[channel * side * side..(channel + 1) * side * side];
            plane.iter().map(|&v| usize::from(v == value)).sum::<usize>()
        };
        assert_eq!((filled(0, 128), filled(1, 64)), (filled(2, 255), filled(2, 255)));
        areas.push(filled(0, 128) as f64 / (side * side) as f64);
    }
    let (low, high) =
        (areas.iter().copied().fold(1.0, f64::min), areas.iter().copied().fold(0.0, f64::max));
    assert!(low > 0.015 && low < 0.05 && high < 0.35 && high > 0.28, "{low} to {high}");
    let noise = RandomErasing { fill: EraseFill::Noise, ..erasing };
    let erasure =
        noise.draw((side, side), [0.5; 3], &mut Draws::new(4, 0, 0)).expect("a rectangle");
    let (mut a, mut b) = (vec![7; 3 * side * side], vec![7; 3 * side * side]);
    erasure.apply(&mut a, (side, side));
    erasure.apply(&mut b, (side, side));
    assert_eq!(a, b);
    assert!(a.iter().collect::<std::collections::BTreeSet<_>>().len() > 50);
    let never = RandomErasing { probability: 0.0, ..RandomErasing::default() };
    assert!(never.draw((side, side), [0.5; 3], &mut Draws::new(4, 0, 0)).is_none());
}
