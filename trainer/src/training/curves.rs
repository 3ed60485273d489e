//! A run's curves as a picture: one panel for each number that its log writes per step.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use plotters::prelude::*;
use serde_json::Value;

/// The horizontal axis.
const STEP: &str = "step";
const WIDTH_PX: u32 = 800;
const PANEL_HEIGHT_PX: u32 = 240;
/// More are no picture any more.
const PANELS_MAX: usize = 16;

/// Value by step of one quantity.
type Curve = BTreeMap<u64, f64>;

/// Draws the lines of `curve.jsonl`, objects with `step` and any other numbers, as an SVG picture.
///
/// A step that comes twice, as after resuming from an earlier checkpoint, counts as it came last. A last line without
/// its end was being written when the run was stopped, and is left out.
///
/// # Errors
/// Names the line that is no such object; also when there is nothing to draw.
pub fn svg(lines: &str) -> Result<String> {
    let curves = read(lines)?;
    ensure!(!curves.is_empty(), "no line with a step and a number: nothing to draw");
    ensure!(curves.len() <= PANELS_MAX, "{} quantities are more than {PANELS_MAX}", curves.len());
    let mut picture = String::new();
    let size = (WIDTH_PX, PANEL_HEIGHT_PX * curves.len() as u32);
    draw(&curves, SVGBackend::with_string(&mut picture, size)).context("drawing the curves")?;
    Ok(picture)
}

fn read(lines: &str) -> Result<BTreeMap<String, Curve>> {
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    for (number, line) in (1..).zip(lines.split_inclusive('\n')) {
        let object = match serde_json::from_str(line) {
            Ok(Value::Object(object)) => object,
            Err(_) if !line.ends_with('\n') => break,
            Ok(_) => return Err(anyhow!("line {number}: not an object")),
            Err(error) => return Err(error).with_context(|| format!("line {number}")),
        };
        let step = object.get(STEP).and_then(Value::as_u64).with_context(|| format!("line {number}: no {STEP}"))?;
        for (name, value) in object.iter().filter(|(name, _)| *name != STEP) {
            if let Some(value) = value.as_f64() {
                curves.entry(name.clone()).or_default().insert(step, value);
            }
        }
    }
    Ok(curves)
}

fn draw(curves: &BTreeMap<String, Curve>, backend: SVGBackend<'_>) -> Result<()> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let last_step = curves.values().filter_map(|curve| curve.keys().next_back()).max().copied().unwrap_or(0);
    for ((name, curve), panel) in curves.iter().zip(root.split_evenly((curves.len(), 1))) {
        let low = curve.values().copied().fold(0.0, f64::min);
        let high = curve.values().copied().fold(f64::MIN_POSITIVE, f64::max);
        let mut chart = ChartBuilder::on(&panel)
            .caption(name, ("sans-serif", 16))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(28)
            .y_label_area_size(56)
            .build_cartesian_2d(0..last_step.max(1), low..high)?;
        chart.configure_mesh().x_desc(STEP).draw()?;
        chart.draw_series(LineSeries::new(curve.iter().map(|(step, value)| (*step, *value)), &BLUE))?;
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "{\"step\": 50, \"loss\": 2.0, \"note\": \"text\"}\n{\"step\": 100, \"loss\": 3.0, \"rate\": 7}\n\
                         {\"step\": 100, \"loss\": 1.0}\n{\"step\": 150, \"lo";

    #[test]
    fn a_repeated_step_counts_once_and_an_unfinished_line_not_at_all() {
        let curves = read(LINES).expect("reads");
        let loss = Curve::from([(50, 2.0), (100, 1.0)]);
        assert_eq!(curves, BTreeMap::from([("loss".into(), loss), ("rate".into(), Curve::from([(100, 7.0)]))]));
    }

    #[test]
    fn every_quantity_has_a_panel_with_its_line() {
        let picture = svg(LINES).expect("draws");
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
        assert!(picture.contains(&format!("height=\"{}\"", 2 * PANEL_HEIGHT_PX)));
        for name in ["loss", "rate"] {
            assert!(picture.contains(name), "{name}");
        }
        assert!(!picture.contains("note"));
        // From step 50 in the middle of the axis, the highest value, to step 100 at its right end, half as high.
        let points = picture.split("<polyline").find_map(|line| line.split_once("#0000FF")?.1.split_once("points=\""));
        let points = points.and_then(|(_, rest)| rest.split_once('"')).expect("a blue line").0;
        let points: Vec<f64> = points.split([',', ' ']).filter_map(|number| number.parse().ok()).collect();
        let [x0, y0, x1, y1] = points[..] else { panic!("{points:?} are not two points") };
        let (left, right) = (8.0 + 56.0, f64::from(WIDTH_PX) - 24.0);
        assert!((x0 - f64::midpoint(left, right)).abs() <= 2.0 && (x1 - right).abs() <= 2.0, "{points:?}");
        let bottom = f64::from(PANEL_HEIGHT_PX) - 8.0 - 28.0;
        assert!((y1 - f64::midpoint(y0, bottom)).abs() <= 2.0, "{points:?}");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let message = |lines: &str| format!("{:#}", svg(lines).expect_err("is refused"));
        assert!(message("{\"step\": 1, \"loss\": 2}\nodd\n").starts_with("line 2: "));
        assert_eq!(message("{\"loss\": 2}\n"), "line 1: no step");
        assert_eq!(message("[1]\n"), "line 1: not an object");
        assert!(message("").starts_with("no line with a step"));
    }
}
