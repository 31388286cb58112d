//! The demonstration's clips, and a look at the frames of any video.

use std::path::{Path, PathBuf};

use napi::bindgen_prelude::{Env, Function, Object, Uint8Array};
use napi_derive::napi;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use timeweave_engine::config;
use timeweave_video::motion::{CLASSES, MotionConfig, draw, generate};
use timeweave_video::{OpenOptions, VideoError, open, write_video};

use crate::failure::{Failure, NapiError};
use crate::job::{NativeJob, start};
use crate::model::NativeFrame;
use crate::promise;

/// Frames per second of a single drawn clip.
const FPS: f64 = 12.0;

/// Writes the motion data set. `config` is JSON: `dir` and the fields of the video crate's `MotionConfig`.
///
/// Events are `{"type":"progress","done","total"}`; the result is `{"trainList","valList","classesFile","root"}`.
#[napi]
pub fn generate_motion(
    env: Env,
    config: String,
    on_event: Function<'_, String, ()>,
) -> Result<NativeJob, NapiError> {
    start(env, "motion", &on_event, move |_, send| {
        let (place, config) = split::<Whole>(&config)?;
        let dir = place.dir;
        let mut progress =
            |done, total| send(json!({ "type": "progress", "done": done, "total": total }));
        let data = generate(&dir, &config, &mut progress)?;
        let skipped: Vec<Value> =
            data.skipped.iter().map(|(path, error)| skipped(path, error)).collect();
        Ok(json!({
            "trainList": data.train,
            "valList": data.val,
            "classesFile": data.classes,
            "root": dir,
            "skipped": skipped,
        }))
    })
}

/// Draws one more clip and writes it as a video file. `config` is JSON: `path`, `label` (a class from 0) and the fields of
/// `MotionConfig`; the result is `{"path","label"}` with the class's name.
#[napi(ts_return_type = "Promise<string>")]
pub fn draw_motion(env: &Env, config: String) -> Result<Object<'_>, NapiError> {
    let work = move |_: &_| {
        let (place, config) = split::<Single>(&config)?;
        let frames = draw(&config, place.label, config.seed)?;
        write_video(&place.path, &frames, FPS)?;
        Ok(json!({ "path": place.path, "label": CLASSES.get(place.label) }).to_string())
    };
    promise::run(env, "draw", work, |_, text| Ok(text))
}

/// All frames of a video file or a folder of frames.
#[napi(ts_return_type = "Promise<Array<NativeFrame>>")]
pub fn read_frames(env: &Env, path: String) -> Result<Object<'_>, NapiError> {
    let work = move |_: &_| {
        let mut source = open(Path::new(&path), &OpenOptions::default())?;
        let indices: Vec<usize> = (0..source.frame_count()?).collect();
        Ok(source.frames(&indices)?)
    };
    let frame = |image: timeweave_video::RgbImage| NativeFrame {
        data: Uint8Array::new(image.data),
        width: image.width,
        height: image.height,
    };
    promise::run(env, "frames", work, move |_, images| {
        Ok(images.into_iter().map(frame).collect::<Vec<_>>())
    })
}

/// Where a data set goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    dir: PathBuf,
}

/// Where a single clip goes, and its class.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Single {
    path: PathBuf,
    label: usize,
}

/// The fields that a place has, and how many they are.
trait Place: serde::de::DeserializeOwned {
    const FIELDS: &'static [&'static str];
}

impl Place for Whole {
    const FIELDS: &'static [&'static str] = &["dir"];
}

impl Place for Single {
    const FIELDS: &'static [&'static str] = &["path", "label"];
}

/// Parts one JSON object into the place and the drawing's settings.
fn split<P: Place>(text: &str) -> Result<(P, MotionConfig), Failure> {
    let mut settings: Map<String, Value> = config::parse_json(text)?;
    let mut place = Map::new();
    for &field in P::FIELDS {
        if let Some((key, value)) = settings.remove_entry(field) {
            place.insert(key, value);
        }
    }
    Ok((
        config::parse_value(&Value::Object(place))?,
        config::parse_value(&Value::Object(settings))?,
    ))
}

fn skipped(path: &Path, error: &VideoError) -> Value {
    json!({ "input": path, "code": error.code(), "message": error.to_string() })
}
