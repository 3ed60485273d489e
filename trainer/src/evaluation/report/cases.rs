//! The best and the worst cases as figures.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::markup::{escape, grade};
use super::sheet::{Sheet, data_uri};
use crate::evaluation::gallery::Case;
use crate::evaluation::measure::Measured;

/// Good cases are all alike.
const BEST_MAX: usize = 8;

/// Adds both ends of a gallery.
///
/// # Errors
/// A case that cannot be rendered, by its name.
pub fn gallery(html: &mut String, measured: &Measured, sheet: &mut Sheet) -> Result<()> {
    html.push_str("<h3>Worst cases</h3>");
    html.push_str(
        "<p class=\"note\">Left to right: what the network saw, a vehicle at the retrieved pose, the same vehicle at the true pose. \
         Colours are surface normals in the object's own axes. The vehicle is not the retrieved shape, which a model does not store.</p>",
    );
    figures(html, measured.gallery.worst(), sheet)?;
    html.push_str("<h3>Best cases</h3>");
    let best = measured.gallery.best();
    figures(html, &best[..best.len().min(BEST_MAX)], sheet)
}

fn figures(html: &mut String, cases: &[Case], sheet: &mut Sheet) -> Result<()> {
    html.push_str("<div class=\"cases\">");
    for case in cases {
        let outcome = &case.outcome;
        let picture = sheet.data_uri(case).with_context(|| outcome.name.clone())?;
        let [truth_deg, found_deg] = [&outcome.truth, &outcome.found].map(|v| v.azimuth_rad.to_degrees());
        let (name, split) = (escape(&outcome.name), escape(&outcome.split.replace('_', " ")));
        let error_deg = outcome.claim.error_deg;
        let _ = write!(
            html,
            "<figure class=\"case {}\"><img src=\"{picture}\" alt=\"{name}: crop, retrieved pose, true pose\"><figcaption><b>{error_deg:.1}°</b> \
             {name} <span>{split}</span><br><span>azimuth {truth_deg:.0}° taken for {found_deg:.0}°, similarity {:.2}, probability {:.0} %, \
             flip {:.0} %, σ {:.1}°</span></figcaption>",
            grade(error_deg),
            outcome.similarity,
            100.0 * outcome.probability,
            100.0 * outcome.claim.flip_probability,
            outcome.claim.spread_deg()
        );
        if let Some(explanation) = &case.look.explanation {
            let svg = explanation.svg(&data_uri(&case.look.crop)?);
            let _ = write!(html, "<details><summary>how the pose was refined</summary>{svg}</details>");
        }
        html.push_str("</figure>");
    }
    html.push_str("</div>");
    Ok(())
}
