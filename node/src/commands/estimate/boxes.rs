//! The detections file: JSON, written by hand as often as not, so every error says where it is.

use std::path::Path;

use anyhow::{Context, bail};
use kernels::BoxPx;
use serde_json::{Map, Value};

use super::DETECTIONS_MAX;
use crate::detection::Detection;

const KEYS: [&str; 4] = ["box", "class", "score", "id"];

/// Reads `[{"box": [x1, y1, x2, y2], "class": "car", "score": 0.9, "id": "7"}, ...]`.
///
/// Only the form is checked here. Boxes that make no sense are the pipeline's to reject, one by one.
///
/// # Errors
/// The file, and within it the element's index and the key.
pub fn load(path: &Path) -> anyhow::Result<Vec<Detection>> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| place.to_string())?;
    parse(&text).with_context(|| place.to_string())
}

fn parse(text: &str) -> anyhow::Result<Vec<Detection>> {
    let Value::Array(elements) = serde_json::from_str(text)? else {
        bail!("expected a list: [{{\"box\": [x1, y1, x2, y2], \"class\": \"car\"}}, ...]");
    };
    if elements.len() > DETECTIONS_MAX {
        bail!("holds {} elements, at most {DETECTIONS_MAX} are allowed", elements.len());
    }
    elements
        .iter()
        .enumerate()
        .map(|(index, element)| detection(element).with_context(|| format!("element {index}")))
        .collect()
}

fn detection(element: &Value) -> anyhow::Result<Detection> {
    let Value::Object(fields) = element else { bail!("expected an object with the keys `box` and `class`") };
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
        bail!("unknown key `{unknown}`, expected one of {}", KEYS.join(", "));
    }
    let score = match fields.get("score") {
        None => 1.0,
        Some(value) => value.as_f64().with_context(|| format!("key `score`: {value} is not a number"))? as f32,
    };
    Ok(Detection {
        box_px: box_px(fields)?,
        class_id: short_text(required(fields, "class")?, "class")?,
        score,
        id: fields.get("id").map_or_else(|| Ok(Default::default()), |value| short_text(value, "id"))?,
    })
}

fn required<'a>(fields: &'a Map<String, Value>, key: &str) -> anyhow::Result<&'a Value> {
    fields.get(key).with_context(|| format!("key `{key}` is missing"))
}

fn box_px(fields: &Map<String, Value>) -> anyhow::Result<BoxPx> {
    let value = required(fields, "box")?;
    let sides = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let [x1, y1, x2, y2] = sides else {
        bail!("key `box`: expected four numbers [x1, y1, x2, y2], found {value}");
    };
    let number = |side: &Value, name: &str| {
        side.as_f64().map(|x| x as f32).with_context(|| format!("key `box`: {name} is {side}, not a number"))
    };
    Ok(BoxPx { x1: number(x1, "x1")?, y1: number(y1, "y1")?, x2: number(x2, "x2")?, y2: number(y2, "y2")? })
}

fn short_text<const N: usize>(value: &Value, key: &str) -> anyhow::Result<heapless::String<N>> {
    let text = value.as_str().with_context(|| format!("key `{key}`: {value} is not a text"))?;
    heapless::String::try_from(text)
        .ok()
        .with_context(|| format!("key `{key}`: {} bytes long, at most {N} are allowed", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_and_a_short_element_are_read() {
        let read = parse(
            r#"[{"box": [1, 2.5, 30, 40], "class": "car", "score": 0.9, "id": "7"},
                {"box": [1e300, 0, -1, 0], "class": "Van"}]"#,
        )
        .unwrap();
        assert_eq!(read[0].box_px, BoxPx { x1: 1.0, y1: 2.5, x2: 30.0, y2: 40.0 });
        assert_eq!((read[0].class_id.as_str(), read[0].score, read[0].id.as_str()), ("car", 0.9, "7"));
        // Nonsense numbers are the pipeline's to reject, one box at a time.
        assert_eq!(read[1].box_px.x1, f32::INFINITY);
        assert_eq!((read[1].score, read[1].id.as_str()), (1.0, ""));
        assert!(parse("[]").unwrap().is_empty());
    }

    #[test]
    fn every_error_names_the_element_and_the_key() {
        let good = r#"{"box": [1, 2, 3, 4], "class": "car"}"#;
        for (bad, needles) in [
            (r#"{"class": "car"}"#, ["`box`", "missing"]),
            (r#"{"box": [1, 2, 3, 4]}"#, ["`class`", "missing"]),
            (r#"{"box": [1, 2, 3], "class": "car"}"#, ["`box`", "four numbers"]),
            (r#"{"box": 7, "class": "car"}"#, ["`box`", "four numbers"]),
            (r#"{"box": [1, 2, null, 4], "class": "car"}"#, ["`box`", "x2"]),
            (r#"{"box": [1, "2", 3, 4], "class": "car"}"#, ["`box`", "y1"]),
            (r#"{"box": [1, 2, 3, 4], "class": 3}"#, ["`class`", "not a text"]),
            (r#"{"box": [1, 2, 3, 4], "class": "car", "score": "high"}"#, ["`score`", "not a number"]),
            (r#"{"box": [1, 2, 3, 4], "class": "car", "scor": 1}"#, ["`scor`", "unknown"]),
            (r#"{"box": [1, 2, 3, 4], "class": "car", "id": "012345678901234567890123456789012"}"#, ["`id`", "33"]),
            ("17", ["object", "box"]),
        ] {
            let error = format!("{:#}", parse(&format!("[{good}, {bad}]")).unwrap_err());
            assert!(error.contains("element 1"), "{bad}: {error}");
            for needle in needles {
                assert!(error.contains(needle), "{bad}: {error}");
            }
        }
    }

    #[test]
    fn text_that_is_no_list_is_refused_with_its_place() {
        assert!(format!("{:#}", parse("{}").unwrap_err()).contains("expected a list"));
        assert!(format!("{:#}", parse("[\n{\"box\" 1}]").unwrap_err()).contains("line 2"));
        let error = format!("{:#}", load(Path::new("no/such/boxes.json")).unwrap_err());
        assert!(error.contains("no/such/boxes.json"), "{error}");
    }
}
