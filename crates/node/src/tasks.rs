//! The native threads of each environment, so that none of them is inside libtorch when the environment ends.
//!
//! A thread that computes while the process tears down crashes it. Every thread is therefore kept here with its cancel
//! flag, and both the environment's clean-up hook and `shutDown()` (called on `exit`) set the flags and wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use napi::bindgen_prelude::Env;

use crate::failure::Failure;

/// A thread and the flag that asks it to stop.
struct Task {
    cancel: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Tasks {
    running: Vec<Task>,
    is_closed: bool,
}

/// By the address of the environment: worker threads have their own, and end on their own.
static ENVIRONMENTS: LazyLock<Mutex<HashMap<usize, Tasks>>> = LazyLock::new(Mutex::default);

fn environments() -> MutexGuard<'static, HashMap<usize, Tasks>> {
    ENVIRONMENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a thread that belongs to the environment; the returned flag stops it.
pub fn spawn(
    env: &Env,
    name: &str,
    body: impl FnOnce(&AtomicBool) + Send + 'static,
) -> Result<Arc<AtomicBool>, Failure> {
    let key = env.raw() as usize;
    let is_known = match environments().entry(key) {
        Entry::Occupied(_) => true,
        Entry::Vacant(place) => {
            place.insert(Tasks::default());
            false
        }
    };
    if !is_known {
        env.add_env_cleanup_hook((), move |()| {
            close(key);
            environments().remove(&key);
        })?;
    }
    let mut environments = environments();
    let tasks = environments.entry(key).or_default();
    if tasks.is_closed {
        return Err(Failure::shut_down());
    }
    tasks.running.retain(|task| !task.thread.is_finished());
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    let builder = std::thread::Builder::new().name(format!("timeweave-{name}"));
    let thread = builder
        .spawn(move || body(&flag))
        .map_err(|error| Failure::new("INTERNAL", format!("could not start a thread: {error}")))?;
    tasks.running.push(Task { cancel: Arc::clone(&cancel), thread });
    Ok(cancel)
}

/// Stops all threads of the environment and waits for them; later calls are refused.
pub fn shut_down(env: &Env) {
    close(env.raw() as usize);
}

fn close(key: usize) {
    let running = {
        let mut environments = environments();
        let tasks = environments.entry(key).or_default();
        tasks.is_closed = true;
        std::mem::take(&mut tasks.running)
    };
    for task in &running {
        task.cancel.store(true, Ordering::Relaxed);
    }
    for task in running {
        // A thread that panicked has already reported it through its guard.
        drop(task.thread.join());
    }
}
