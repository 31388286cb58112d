//! Accuracies equal to those that the peers' own code computed.

use std::path::PathBuf;

use serde_json::Value;
use timeweave_engine::metrics::{Metrics, softmax};

/// The folder of golden numbers: that of `TIMEWEAVE_FIXTURES`, else the project's own.
fn fixtures() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"),
        PathBuf::from,
    )
}

fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .expect("numbers")
        .iter()
        .map(|v| v.as_f64().expect("a number") as f32)
        .collect()
}

fn near(ours: f64, theirs: &Value, what: &str) {
    let theirs = theirs.as_f64().expect("a number");
    // The peers computed in float32 percents; ours are exact counts.
    assert!((ours - theirs).abs() < 1e-6, "{what}: {ours} is not {theirs}");
}

#[test]
fn accuracies_are_those_of_the_peers() {
    let path = fixtures().join("metrics/cases.json");
    let text = std::fs::read_to_string(&path).expect("the cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut checked = 0;
    for (number, case) in cases.iter().enumerate() {
        let rows: Vec<Vec<f32>> =
            case["scores"].as_array().expect("rows").iter().map(numbers).collect();
        let labels = case["labels"].as_array().expect("labels");
        let mut metrics = Metrics::new(rows[0].len());
        for (row, label) in rows.iter().zip(labels) {
            metrics.add(row, label.as_u64().expect("a label") as usize, 0.0);
        }
        let what = format!("case {number}");
        near(metrics.mean_class_accuracy(), &case["mmaction2_mean_class_accuracy"], &what);
        // With ties, what counts as the best five depends on the library's order.
        if case["ties"] == false {
            near(metrics.top1(), &case["mmaction2_top_k_accuracy_1_5"][0], &what);
            near(metrics.top5(), &case["mmaction2_top_k_accuracy_1_5"][1], &what);
            near(
                metrics.top5(),
                &Value::from(case["peer_accuracy_percent_top1_top5"][1].as_f64().unwrap() / 100.0),
                &what,
            );
        }
        for (class, theirs) in case["softmax_mean"].as_array().expect("means").iter().enumerate() {
            let mean = rows.iter().map(|row| f64::from(softmax(row)[class])).sum::<f64>()
                / rows.len() as f64;
            near(mean, theirs, &what);
        }
        checked += 1;
    }
    assert!(checked > 0, "no cases in {}", path.display());
    println!("checked: {checked} metrics");
}
