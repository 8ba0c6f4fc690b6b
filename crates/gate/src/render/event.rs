//! A step as a [CloudEvent](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md): one for each generation.

use serde_json::{Value, json};

use crate::rollout::Pointer;
use crate::words;

/// The event of a generation. Its id follows from name and generation, so that a repeated one is recognised.
#[must_use]
pub fn cloud_event(pointer: &Pointer) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("{}/{}", pointer.name, pointer.generation),
        "source": format!("/tidegate/pointers/{}", pointer.name),
        "type": "dev.tidegate.pointer.moved",
        "subject": pointer.bundle,
        "time": words::instant(pointer.at_us),
        "datacontenttype": "application/json",
        "data": pointer,
    })
}
