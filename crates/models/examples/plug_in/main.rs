//! A network with a temporal module of one's own, and a whole network of one's own: each is one
//! file (`difference.rs`, `volume.rs`) and one line in the registry, and everything that the crate
//! can do with a network it can do with them.
//!
//! ```text
//! cargo run --release -p timeweave-models --example plug_in
//! ```

mod difference;
mod volume;

use std::sync::Arc;

use difference::Difference;
use serde_json::json;
use tch::{Device, Kind, Tensor};
use timeweave_models::{Model, Registry, model_info};
use volume::Volume;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::default().with(Arc::new(Difference)).with_network(Arc::new(Volume));

    for description in [
        json!({ "arch": "difference-resnet", "depth": 50, "numClasses": 174 }),
        json!({ "arch": "volume", "numClasses": 174 }),
    ] {
        let model = Model::new(registry.spec(&description)?, Device::Cpu, Some(1))?;
        let info = model_info(&model.spec)?;
        println!("{}: {} parameters, {} multiply-adds", info.id, info.params, info.macs);
        let clip = Tensor::randn([1, 8, 3, 224, 224], (Kind::Float, Device::Cpu));
        println!("logits of a clip: {:?}", model.network.forward(&clip, false)?.size());
    }
    Ok(())
}
