//! The net under everything that is called from another language: a panic becomes a sentence.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; a panic is not printed but returned as where it was and what it said.
///
/// The first call replaces the program's panic hook.
///
/// # Errors
/// The place and the first line of a panic, such as `at src/a.rs:3:5: index out of bounds`.
pub fn catch_panic<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    note_places();
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| sentence(payload.as_ref()))
}

/// Keeps a panic's place for its sentence: the payload does not hold it.
fn note_places() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            // A thread that is ending has no thread-local values any more; the place is then lost.
            let _ = PLACE.try_with(|kept| *kept.borrow_mut() = place);
        }));
    });
}

fn sentence(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text =
        text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("an unknown panic");
    let first = text.lines().next().unwrap_or(text);
    let place = PLACE.try_with(RefCell::take).ok().flatten();
    format!("at {}: {first}", place.as_deref().unwrap_or("an unknown place"))
}
