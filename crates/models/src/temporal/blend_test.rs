//! The aggregation in the blocks of a TAM-ResNet against the official one: a weight for every pair
//! of channels, and the largest of the weighted frames.

use serde_json::json;
use tch::Device;
use tch::nn::VarStore;

use super::super::plug::Place;
use super::Slot;
use crate::ModelSpec;
use crate::operators::{each, leaves};
use crate::pass::{Mode, Pass};
use crate::temporal::plug_of;

#[test]
fn the_aggregation_equals_the_official_one() {
    each("tam_ibm", |case| {
        let spec: ModelSpec = serde_json::from_value(json!({
            "arch": "tam-resnet", "numClasses": 2, "numFrames": case.entry["duration"],
            "blendingFrames": case.entry["blending_frames"],
            "blending": case.entry["blending_method"], "depthwise": case.entry["dw_conv"],
        }))
        .expect("a spec");
        let (channels, frames) = (case.number("channels"), case.number("duration"));
        let slot = Slot { place: Place::Block, index: 0, channels, frames };
        for x in leaves(&case.get("x")) {
            let mut vs = VarStore::new(Device::Cpu);
            let plug = plug_of(&spec).expect("a temporal module");
            let module = plug.build(&vs.root(), slot).expect("a module");
            case.fill(&mut vs, "w.");
            let out = module.forward(&x, &mut Pass::new(Mode::TRAIN)).expect("an output");
            case.check(&out, "out");
            (&out * case.get("grad_out")).sum(out.kind()).backward();
            case.check(&x.grad(), "grad_x");
            for (name, variable) in vs.variables() {
                case.check(&variable.grad(), &format!("grad_w.{name}"));
            }
        }
    });
}
