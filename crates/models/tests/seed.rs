//! Seeds: libtorch has one generator for the process, so these tests have a process of their own
//! in which nothing but networks draws from it.

use std::collections::HashMap;

use serde_json::json;
use tch::{Device, Tensor};
use timeweave_models::{Model, ModelSpec};

fn build(description: serde_json::Value, seed: Option<i64>) -> Model {
    let spec: ModelSpec = serde_json::from_value(description).expect("a spec");
    Model::new(spec, Device::Cpu, seed).expect("a network")
}

fn variables(model: &Model) -> HashMap<String, Tensor> {
    model.vs.variables()
}

#[test]
fn equal_seeds_give_equal_weights_and_no_name_is_made_up() {
    for arch in ModelSpec::ARCHS {
        let description = json!({ "arch": arch, "numClasses": 3, "numFrames": 4 });
        let [a, b, c] = [Some(3), Some(3), Some(4)].map(|seed| build(description.clone(), seed));
        let (a, b, c) = (variables(&a), variables(&b), variables(&c));
        assert!(a.iter().all(|(name, x)| x.equal(&b[name])), "{arch}");
        assert!(a.iter().any(|(name, x)| !x.equal(&c[name])), "{arch}");
        // tch renames a second variable of the same name by appending two underscores.
        assert!(a.keys().all(|name| !name.contains("__")), "{arch}");
    }
}

#[test]
fn networks_on_several_threads_draw_their_own_weights() {
    let description = json!({ "arch": "tsn", "numClasses": 3 });
    let expected = variables(&build(description.clone(), Some(9)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let description = description.clone();
            std::thread::spawn(move || build(description, Some(9)).vs.variables())
        })
        .collect();
    for thread in threads {
        let found = thread.join().expect("a thread");
        assert!(expected.iter().all(|(name, x)| x.equal(&found[name])));
    }
}
