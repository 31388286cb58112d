//! The recipe of weights and inputs against its published vectors, bit for bit.

mod support;

use timeweave_models::recipe;

fn bits(values: &[f32]) -> Vec<String> {
    values.iter().map(|value| format!("{:08x}", value.to_bits())).collect()
}

#[test]
fn the_recipe_gives_the_published_bits() {
    let vectors = support::json(&support::fixtures().join("recipe_vectors.json"));
    let vectors = vectors.as_array().expect("a list");
    for vector in vectors {
        let seed = vector["seed"].as_u64().expect("a seed");
        let lengths = |key: &str| -> Vec<i64> {
            let list = vector[key].as_array().expect("a shape");
            list.iter().map(|length| length.as_i64().expect("a length")).collect()
        };
        if let Some(name) = vector["input"].as_str() {
            let shape = lengths("shape_ntchw").try_into().expect("five lengths");
            let clip = recipe::clip(seed, name, shape).expect("a clip");
            let data = Vec::<f32>::try_from(clip.view([-1])).expect("floats");
            assert_eq!(support::sha256([data.as_slice()]), vector["sha256"], "{name}");
            continue;
        }
        let name = vector["name"].as_str().expect("a name");
        let shape = lengths("shape");
        assert_eq!(format!("{:016x}", recipe::fnv1a64(name)), vector["fnv1a64"], "{name}");
        assert_eq!(format!("{:016x}", recipe::state(seed, name)), vector["state"], "{name}");
        let amplitude = recipe::spread(name, &shape).amplitude;
        assert_eq!(bits(&[amplitude])[0], vector["a_f32_hex"], "{name}");
        let values = recipe::values(seed, name, &shape);
        assert_eq!(serde_json::json!(bits(&values[..4])), vector["first4_hex"], "{name}");
        assert_eq!(support::sha256([values.as_slice()]), vector["sha256"], "{name}");
    }
    println!("checked: {} recipe vectors", vectors.len());
}
