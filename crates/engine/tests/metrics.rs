//! Accuracies equal to those that the peers' own code computed.

use std::path::PathBuf;

use serde_json::Value;
use timeweave_engine::metrics::{Metrics, softmax};
use timeweave_engine::precision::{Precisions, average_precision};

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

/// Mean average precisions by sample and by class, and those of every sample and class.
fn precisions(case: &Value, rows: &[Vec<f32>], what: &str) {
    let classes = rows[0].len();
    let mut metrics = Metrics::multi_label(classes);
    let mut all = Precisions::new(classes);
    let shown: Vec<Vec<usize>> =
        serde_json::from_value(case["multilabel"].clone()).expect("rows of 0 and 1");
    let per_sample = numbers(&case["per_sample_ap_sklearn"]);
    for ((row, shown), theirs) in rows.iter().zip(&shown).zip(per_sample) {
        let labels: Vec<usize> = (0..classes).filter(|&class| shown[class] == 1).collect();
        metrics.add(row, &labels, 0.0);
        all.add(row, &labels);
        let mut ranking: Vec<_> =
            row.iter().copied().zip(shown.iter().map(|&shown| shown == 1)).collect();
        let ours = average_precision(&mut ranking).unwrap_or(0.0);
        assert!((ours - f64::from(theirs)).abs() < 1e-6, "{what}: {ours} is not {theirs}");
    }
    for (class, theirs) in
        case["per_class_ap_mmaction2"].as_array().expect("precisions").iter().enumerate()
    {
        match (all.of_class(class), theirs.as_f64()) {
            (Some(ours), Some(theirs)) => {
                assert!((ours - theirs).abs() < 1e-6, "{what}: class {class}");
            }
            (ours, theirs) => assert_eq!(ours, theirs, "{what}: class {class}"),
        }
    }
    let of_samples = metrics.map_sample().expect("several labels");
    let percent = case["xtemporal_calculate_mAP_percent"].as_f64().expect("a number");
    near(of_samples, &Value::from(percent / 100.0), what);
    // mmaction2 has no number where a sample shows nothing.
    if !case["mmaction2_mmit_mean_average_precision"].is_null() {
        near(of_samples, &case["mmaction2_mmit_mean_average_precision"], what);
    }
    near(
        metrics.map_class().expect("several labels"),
        &case["mmaction2_mean_average_precision"],
        what,
    );
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
            metrics.add(row, &[label.as_u64().expect("a label") as usize], 0.0);
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
        precisions(case, &rows, &what);
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
