//! A network with a temporal module of one's own: the module is one file (`difference.rs`), the
//! registry gets one line, and everything that the crate can do with a network it can do with it.
//!
//! ```text
//! cargo run --release -p timeweave-models --example plug_in
//! ```

mod difference;

use std::sync::Arc;

use difference::Difference;
use serde_json::json;
use tch::{Device, Kind, Tensor};
use timeweave_models::{Model, Registry, model_info};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::default().with(Arc::new(Difference));

    let description = json!({ "arch": "difference-resnet", "depth": 50, "numClasses": 174 });
    let model = Model::new(registry.spec(&description)?, Device::Cpu, Some(1))?;
    let info = model_info(&model.spec)?;
    println!("{}: {} parameters, {} multiply-adds a clip", info.id, info.params, info.macs);

    let clip = Tensor::randn([1, 8, 3, 224, 224], (Kind::Float, Device::Cpu));
    println!("logits of a clip: {:?}", model.network.forward(&clip, false)?.size());
    Ok(())
}
