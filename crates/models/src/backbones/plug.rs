//! The slot of a whole network: what comes before the dropout and the classifier.

use std::fmt::Debug;

use tch::{Tensor, nn};

use crate::pass::Pass;
use crate::spec::TsnSpec;
use crate::temporal::Cost;
use crate::{ModelError, ModuleInfo};

/// A built network without its classifier, for single frames or for volumes.
pub trait Backbone: Debug + Send {
    /// Normalised clips `[N, T, C, H, W]` (of RGB differences already the differences) to pooled
    /// features `[N*T', F]`: `T'` is 1 for a network that sees the clip as a whole, `T` for one
    /// that sees frames, whose logits are then joined as the spec says.
    ///
    /// # Errors
    /// When libtorch or a kernel refuses.
    fn forward(&self, clip: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError>;
}

/// A kind of network. [`crate::Registry`] gives it a name in descriptions.
pub trait NetworkPlug: Debug + Send + Sync {
    /// The name of the architecture.
    fn name(&self) -> &'static str;

    /// Features `F` that the classifier sees.
    fn features(&self, spec: &TsnSpec) -> i64;

    /// Builds the network with its parameters under `path`.
    ///
    /// # Errors
    /// When libtorch cannot allocate them.
    fn build(&self, path: &nn::Path, spec: &TsnSpec) -> Result<Box<dyn Backbone>, ModelError>;

    /// What each module costs for one clip of square frames with `size` pixels a side, by its name
    /// below the network's, in the order of the forward pass.
    fn costs(&self, spec: &TsnSpec, size: i64) -> Vec<(String, Cost)>;
}

/// The features of `clips` clips, checked: a mistake in an own network is an error here, not a
/// wrong logit.
pub(crate) fn checked(x: Tensor, clips: i64, features: i64) -> Result<Tensor, ModelError> {
    let fits = |rows: i64, found: i64| rows >= clips && rows % clips == 0 && found == features;
    match x.size().as_slice() {
        &[rows, found] if fits(rows, found) => Ok(x),
        actual => {
            let expected = format!("[{clips} * T, {features}]");
            let actual = actual.to_vec();
            Err(ModelError::Shape { tensor: "the features of the network", expected, actual })
        }
    }
}

/// Costs as the figures of modules below the trunk called `trunk`.
pub(crate) fn modules(trunk: &str, costs: Vec<(String, Cost)>) -> Vec<ModuleInfo> {
    let module = |(name, Cost { params, macs })| ModuleInfo {
        module: format!("{trunk}.{name}"),
        params,
        macs,
    };
    costs.into_iter().map(module).collect()
}
