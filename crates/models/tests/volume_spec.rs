//! Specs of the 3-D networks: defaults, every field, and errors that name the field.

use serde_json::{Value, json};
use timeweave_models::{ModelSpec, model_info};

fn parse(description: &Value) -> Result<ModelSpec, String> {
    serde_json::from_value(description.clone()).map_err(|error| error.to_string())
}

fn resolved(mut description: Value) -> Value {
    description["numClasses"] = json!(4);
    let spec = parse(&description).unwrap_or_else(|error| panic!("{description}: {error}"));
    spec.validate().unwrap_or_else(|error| panic!("{description}: {error}"));
    serde_json::to_value(spec).expect("JSON")
}

#[test]
fn defaults_are_those_of_the_authors() {
    let pathway = |arch: &str, frames: i64| {
        json!({
            "arch": arch, "numClasses": 4, "numFrames": frames, "depth": 50,
            "variant": "x-temporal", "dropout": 0.5, "modality": "rgb",
        })
    };
    let mut slowfast = pathway("slowfast", 32);
    slowfast["alpha"] = json!(4);
    slowfast["betaInverse"] = json!(8);
    slowfast["fusionKernel"] = json!(5);
    let residual = |arch: &str| {
        json!({
            "arch": arch, "numClasses": 4, "numFrames": 16, "depth": 10, "temporalModule": "none",
            "dropout": 0.0, "modality": "rgb",
        })
    };
    let (mut r3d, mut r2plus1d) = (residual("r3d"), residual("r2plus1d"));
    r3d["shortcut"] = json!("B");
    r2plus1d["maxPool"] = json!(false);
    for expected in [slowfast, pathway("slow-only", 8), pathway("fast-only", 32), r3d, r2plus1d] {
        assert_eq!(resolved(json!({ "arch": expected["arch"] })), expected);
        assert_eq!(resolved(expected.clone()), expected);
    }
}

#[test]
fn the_lateral_kernel_follows_the_variant_unless_given() {
    let kernel = |mut description: Value| {
        description["arch"] = json!("slowfast");
        resolved(description)["fusionKernel"].clone()
    };
    assert_eq!(kernel(json!({ "variant": "fair" })), 7);
    assert_eq!(kernel(json!({ "variant": "fair", "alpha": 8 })), 5);
    assert_eq!(kernel(json!({ "variant": "fair", "depth": 101 })), 5);
    assert_eq!(kernel(json!({ "variant": "mmaction2" })), 5);
    assert_eq!(kernel(json!({ "variant": "fair", "fusionKernel": 5 })), 5);
    assert_eq!(kernel(json!({ "variant": "mmaction2", "fusionKernel": 7 })), 7);
    assert_eq!(kernel(json!({ "variant": "fair", "fusionKernel": null })), 7);
}

#[test]
fn every_value_of_every_field_is_taken_and_given_back() {
    let variants = || ["x-temporal", "fair", "mmaction2"].map(|name| ("variant", json!(name)));
    let depths = |list: &[i64]| -> Vec<(&str, Value)> {
        list.iter().map(|depth| ("depth", json!(depth))).collect()
    };
    let common =
        || vec![("numFrames", json!(24)), ("dropout", json!(0.25)), ("modality", json!("rgb"))];
    let mut pathway = depths(&[50, 101, 152]);
    pathway.extend(variants());
    pathway.extend(common());
    let mut slowfast = pathway.clone();
    slowfast.extend(depths(&[200]));
    slowfast.extend([("alpha", json!(4)), ("fusionKernel", json!(5))]);
    slowfast.extend([1, 2, 4, 16, 32, 64].map(|beta| ("betaInverse", json!(beta))));
    let mut residual = depths(&[10, 18, 34, 50, 101, 152, 200]);
    residual.extend(["none", "tam"].map(|module| ("temporalModule", json!(module))));
    residual.extend(common());
    let (mut r3d, mut r2plus1d) = (residual.clone(), residual);
    r3d.extend(["A", "B"].map(|kind| ("shortcut", json!(kind))));
    r2plus1d.extend([true, false].map(|pool| ("maxPool", json!(pool))));
    let mut tried = 0;
    for (arch, fields) in [
        ("slowfast", slowfast),
        ("slow-only", pathway.clone()),
        ("fast-only", pathway),
        ("r3d", r3d),
        ("r2plus1d", r2plus1d),
    ] {
        for (field, value) in fields {
            let found = resolved(json!({ "arch": arch, field: value }));
            assert_eq!(found[field], value, "{arch} {field}");
            let spec = parse(&found).expect("the resolved form");
            assert!(model_info(&spec).expect("figures").params > 0);
            tried += 1;
        }
    }
    for (variant, alpha, kernel) in [("fair", 8, 5), ("fair", 2, 1), ("mmaction2", 32, 63)] {
        let description = json!({
            "arch": "slowfast", "variant": variant, "alpha": alpha, "fusionKernel": kernel,
        });
        let found = resolved(description);
        assert_eq!(
            (found["alpha"].clone(), found["fusionKernel"].clone()),
            (json!(alpha), json!(kernel))
        );
        tried += 1;
    }
    println!("checked: {tried} values of fields");
}

#[test]
fn impossible_combinations_name_their_field() {
    let cases = [
        (json!({ "arch": "slowfast", "alpha": 8 }), "alpha", "8"),
        (json!({ "arch": "slowfast", "fusionKernel": 7 }), "fusionKernel", "7"),
        (json!({ "arch": "slowfast", "variant": "fair", "depth": 200 }), "depth", "200"),
        (json!({ "arch": "slowfast", "variant": "mmaction2", "depth": 200 }), "depth", "200"),
        (json!({ "arch": "slowfast", "variant": "fair", "numFrames": 30 }), "numFrames", "30"),
        (json!({ "arch": "slowfast", "variant": "mmaction2", "numFrames": 2 }), "numFrames", "2"),
        (json!({ "arch": "slowfast", "variant": "fair", "alpha": 0 }), "alpha", "0"),
        (json!({ "arch": "slowfast", "variant": "fair", "alpha": -4 }), "alpha", "-4"),
        (json!({ "arch": "slowfast", "variant": "fair", "fusionKernel": 4 }), "fusionKernel", "4"),
        (json!({ "arch": "slowfast", "variant": "fair", "fusionKernel": 0 }), "fusionKernel", "0"),
        (
            json!({ "arch": "slowfast", "variant": "fair", "fusionKernel": 65 }),
            "fusionKernel",
            "65",
        ),
        (json!({ "arch": "slowfast", "betaInverse": 3 }), "betaInverse", "3"),
        (json!({ "arch": "slowfast", "betaInverse": 0 }), "betaInverse", "0"),
        (json!({ "arch": "slowfast", "betaInverse": 128 }), "betaInverse", "128"),
        (json!({ "arch": "slowfast", "modality": "flow" }), "modality", "'flow'"),
        (json!({ "arch": "slow-only", "modality": "rgb-diff" }), "modality", "'rgb-diff'"),
        (json!({ "arch": "fast-only", "modality": "flow" }), "modality", "'flow'"),
        (json!({ "arch": "r3d", "modality": "flow" }), "modality", "'flow'"),
        (json!({ "arch": "r2plus1d", "modality": "rgb-diff" }), "modality", "'rgb-diff'"),
        (json!({ "arch": "r3d", "numFrames": 0 }), "numFrames", "0"),
        (json!({ "arch": "r2plus1d", "dropout": 1 }), "dropout", "1"),
    ];
    for (mut description, field, value) in cases {
        description["numClasses"] = json!(4);
        let spec = parse(&description).unwrap_or_else(|error| panic!("{description}: {error}"));
        let error = spec.validate().expect_err("an error");
        assert_eq!(error.code(), "INVALID_SPEC");
        let text = error.to_string();
        assert!(text.contains(&format!("for model.{field} ")), "{text}");
        assert!(text.ends_with(&format!("received {value}")), "{text}");
    }
}

#[test]
fn unknown_fields_and_values_are_errors() {
    let cases = [
        (json!({ "arch": "slowfast", "variant": "pytorchvideo" }), "pytorchvideo"),
        (json!({ "arch": "slowfast", "depth": 18 }), "50, 101, 152, 200"),
        (json!({ "arch": "slowfast", "blendingFrames": 3 }), "blendingFrames"),
        (json!({ "arch": "slow-only", "depth": 200 }), "50, 101, 152"),
        (json!({ "arch": "slow-only", "alpha": 4 }), "alpha"),
        (json!({ "arch": "fast-only", "betaInverse": 8 }), "betaInverse"),
        (json!({ "arch": "r3d", "depth": "50c" }), "received 50c"),
        (json!({ "arch": "r3d", "maxPool": true }), "maxPool"),
        (json!({ "arch": "r3d", "shortcut": "C" }), "`C`"),
        (json!({ "arch": "r2plus1d", "shortcut": "A" }), "shortcut"),
        (json!({ "arch": "r2plus1d", "temporalModule": "tsm" }), "tsm"),
        (json!({ "arch": "slow-fast" }), "slow-fast"),
    ];
    for (mut description, word) in cases {
        description["numClasses"] = json!(4);
        let text = parse(&description).expect_err("an error");
        assert!(text.contains(word), "{text} does not say {word}");
    }
}

#[test]
fn names_for_people_tell_the_variants_apart() {
    let id = |description: Value| {
        let mut description = description;
        description["numClasses"] = json!(4);
        parse(&description).expect("a spec").id()
    };
    assert_eq!(id(json!({ "arch": "slowfast" })), "slowfast-50");
    assert_eq!(id(json!({ "arch": "slowfast", "variant": "fair" })), "slowfast-fair-50");
    assert_eq!(
        id(json!({ "arch": "slow-only", "variant": "mmaction2", "depth": 101 })),
        "slow-only-mmaction2-101"
    );
    assert_eq!(id(json!({ "arch": "r2plus1d", "depth": 18 })), "r2plus1d-18");
}
