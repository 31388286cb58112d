//! Specs: defaults, JSON forms and errors.

use serde_json::{Value, json};
use timeweave_models::{ModelError, ModelSpec};

fn parse(description: &Value) -> Result<ModelSpec, String> {
    serde_json::from_value(description.clone()).map_err(|error| error.to_string())
}

fn with(arch: &str, fields: &[(&str, Value)]) -> Value {
    let mut description = json!({ "arch": arch, "numClasses": 4 });
    for (field, value) in fields {
        description[field] = value.clone();
    }
    description
}

fn tsm(fields: &[(&str, Value)]) -> Value {
    with("tsm", fields)
}

fn tam(fields: &[(&str, Value)]) -> Value {
    with("tam-resnet", fields)
}

#[test]
fn defaults_are_those_of_the_authors() {
    let resolved = |arch: &str| {
        let spec = parse(&json!({ "arch": arch, "numClasses": 4 })).expect("a spec");
        serde_json::to_value(spec).expect("JSON")
    };
    let blvnet = json!({
        "arch": "blvnet-tam", "numClasses": 4, "numFrames": 16, "depth": 50, "alpha": 2,
        "beta": 4, "blendingFrames": 3, "tam": true, "dropout": 0.5, "modality": "rgb",
    });
    let tsn = json!({
        "arch": "tsn", "numClasses": 4, "numFrames": 8, "depth": 18, "dropout": 0.8,
        "modality": "rgb", "consensus": "avg", "doubleDropout": false, "nonLocal": false,
    });
    let tsm = json!({
        "arch": "tsm", "numClasses": 4, "numFrames": 8, "depth": 18, "shiftDiv": 8,
        "shiftPlace": "blockres", "nRound": "auto", "online": false, "dropout": 0.5,
        "modality": "rgb", "consensus": "avg", "doubleDropout": false, "nonLocal": false,
    });
    let tin = json!({
        "arch": "tin", "numClasses": 4, "numFrames": 8, "depth": 18, "shiftDiv": 4,
        "offsetScale": 4, "initialOffset": 0.5, "dropout": 0.8, "modality": "rgb",
        "consensus": "avg", "doubleDropout": false, "nonLocal": false,
    });
    let tam = json!({
        "arch": "tam-resnet", "numClasses": 4, "numFrames": 8, "depth": 18, "blendingFrames": 3,
        "blending": "sum", "depthwise": true, "temporalPooling": "none", "dropout": 0.5,
        "modality": "rgb",
    });
    let all = [blvnet, tam, tsn, tsm, tin];
    for (arch, expected) in ModelSpec::ARCHS.into_iter().zip(all) {
        assert_eq!(resolved(arch), expected);
        let again = parse(&expected).expect("the resolved form");
        assert_eq!(serde_json::to_value(again).expect("JSON"), expected);
    }
}

#[test]
fn every_written_form_of_a_field_survives_a_round_trip() {
    let forms = [
        ("tsn", "depth", json!("50c")),
        ("tsn", "depth", json!(152)),
        ("tsm", "nRound", json!(1)),
        ("tsm", "nRound", json!(2)),
        ("tsm", "shiftPlace", json!("two-path")),
        ("tin", "offsetScale", json!("frames")),
        ("tsn", "modality", json!("rgb-diff")),
        ("blvnet-tam", "depth", json!(101)),
        ("blvnet-tam", "tam", json!(false)),
        ("tam-resnet", "depth", json!(34)),
        ("tam-resnet", "blending", json!("max")),
        ("tam-resnet", "temporalPooling", json!("avg")),
        ("tam-resnet", "depthwise", json!(false)),
        ("tsm", "depth", json!("mobilenet-v2")),
        ("tsm", "online", json!(true)),
        ("tin", "consensus", json!("identity")),
        ("tin", "nonLocal", json!(true)),
        ("tsm", "modality", json!("flow")),
    ];
    for (arch, field, value) in forms {
        let mut description = json!({ "arch": arch, "numClasses": 4 });
        description[field] = value.clone();
        let spec = parse(&description).expect("a spec");
        assert_eq!(serde_json::to_value(spec).expect("JSON")[field], value);
    }
}

#[test]
fn unknown_fields_and_values_are_errors() {
    let cases = [
        (json!({ "arch": "tsnn", "numClasses": 4 }), "tsnn"),
        (json!({ "arch": "tsn" }), "numClasses"),
        (json!({ "arch": "tsn", "numClasses": 4, "shiftDiv": 8 }), "shiftDiv"),
        (json!({ "arch": "tsn", "numClasses": 4, "depth": 42 }), "received 42"),
        (json!({ "arch": "tsn", "numClasses": 4, "depth": "50e" }), "received 50e"),
        (json!({ "arch": "tsn", "numClasses": 4, "depth": true }), "depth"),
        (json!({ "arch": "blvnet-tam", "numClasses": 4, "depth": 18 }), "50, 101, 152"),
        (json!({ "arch": "tsm", "numClasses": 4, "nRound": 3 }), "nRound"),
        (json!({ "arch": "tin", "numClasses": 4, "offsetScale": 4.5 }), "received 4.5"),
        (json!({ "arch": "tsn", "numClasses": 4, "consensus": "rnn" }), "rnn"),
        (json!({ "arch": "tsn", "numClasses": 4, "depth": "mobilenet-v2" }), "mobilenet-v2"),
        (json!({ "arch": "tam-resnet", "numClasses": 4, "depth": "50d" }), "received 50d"),
        (json!({ "arch": "tam-resnet", "numClasses": 4, "consensus": "avg" }), "consensus"),
        (json!({ "arch": "tam-resnet", "numClasses": 4, "blending": "mean" }), "mean"),
        (json!({ "arch": "tin", "numClasses": 4, "online": true }), "online"),
        (json!({ "arch": "blresnet", "numClasses": 4 }), "blresnet"),
        (json!({ "arch": "plugged", "numClasses": 4 }), "plugged"),
    ];
    for (description, word) in cases {
        let text = parse(&description).expect_err("an error");
        assert!(text.contains(word), "{text} does not say {word}");
    }
}

#[test]
fn impossible_combinations_name_their_field() {
    let cases = [
        (json!({ "arch": "tsn", "numClasses": 0 }), "numClasses"),
        (json!({ "arch": "tsn", "numClasses": 4, "numFrames": 0 }), "numFrames"),
        (json!({ "arch": "tsn", "numClasses": 4, "numFrames": 100_000 }), "numFrames"),
        (json!({ "arch": "blvnet-tam", "numClasses": 4, "numFrames": 7 }), "numFrames"),
        (json!({ "arch": "tsn", "numClasses": 4, "dropout": 1 }), "dropout"),
        (json!({ "arch": "tsn", "numClasses": 4, "dropout": -0.1 }), "dropout"),
        (json!({ "arch": "blvnet-tam", "numClasses": 4, "alpha": 3 }), "alpha"),
        (json!({ "arch": "blvnet-tam", "numClasses": 4, "alpha": 0 }), "alpha"),
        (json!({ "arch": "blvnet-tam", "numClasses": 4, "beta": 0 }), "beta"),
        (json!({ "arch": "blvnet-tam", "numClasses": 4, "blendingFrames": 0 }), "blendingFrames"),
        (json!({ "arch": "tsm", "numClasses": 4, "shiftDiv": 1 }), "shiftDiv"),
        (json!({ "arch": "tsm", "numClasses": 4, "shiftPlace": "block", "nRound": 2 }), "nRound"),
        (json!({ "arch": "tin", "numClasses": 4, "shiftDiv": 0 }), "shiftDiv"),
        (json!({ "arch": "tin", "numClasses": 4, "shiftDiv": 3 }), "shiftDiv"),
        (json!({ "arch": "tin", "numClasses": 4, "shiftDiv": 32 }), "shiftDiv"),
        (json!({ "arch": "tin", "numClasses": 4, "initialOffset": 2 }), "initialOffset"),
        (json!({ "arch": "tin", "numClasses": 4, "nonLocal": true }), "nonLocal"),
        (json!({ "arch": "tsn", "numClasses": 4, "depth": 34, "nonLocal": true }), "nonLocal"),
        (tsm(&[("depth", json!("mobilenet-v2")), ("nonLocal", json!(true))]), "nonLocal"),
        (tsm(&[("depth", json!("mobilenet-v2")), ("shiftPlace", json!("block"))]), "shiftPlace"),
        (tsm(&[("depth", json!("mobilenet-v2")), ("nRound", json!(2))]), "nRound"),
        (
            tsm(&[("depth", json!(50)), ("online", json!(true)), ("nonLocal", json!(true))]),
            "nonLocal",
        ),
        (tam(&[("blendingFrames", json!(0))]), "blendingFrames"),
        (tam(&[("temporalPooling", json!("max")), ("numFrames", json!(12))]), "numFrames"),
        (tam(&[("temporalPooling", json!("avg")), ("numFrames", json!(8))]), "numFrames"),
    ];
    for (description, field) in cases {
        let spec = parse(&description).expect("a readable spec");
        let error = spec.validate().expect_err("an error");
        assert_eq!(error.code(), "INVALID_SPEC");
        assert!(error.to_string().contains(&format!("model.{field} ")), "{error}");
        assert!(matches!(error, ModelError::InvalidSpec { .. }));
    }
}

#[test]
fn the_schema_knows_every_architecture_and_the_defaults() {
    let schema = serde_json::to_value(schemars::schema_for!(ModelSpec)).expect("JSON");
    let text = schema.to_string();
    for arch in ModelSpec::ARCHS {
        assert!(text.contains(&format!("\"const\":\"{arch}\"")), "{arch}");
    }
    assert!(text.contains("\"50d\""));
    assert!(
        text.contains("\"additionalProperties\":false") || text.contains("unevaluatedProperties")
    );
}
