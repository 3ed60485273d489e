//! The page: numbers first, then where the errors are, whether they were announced, and what they look like.

use std::fmt::Write as _;

use anyhow::Result;

use super::cases;
use super::charts::{accuracy_by_azimuth, error_histogram, flip_reliability};
use super::markup::escape;
use super::sheet::Sheet;
use super::tables::{self, Table};
use crate::evaluation::measure::Measured;
use crate::evaluation::summary::Summary;

const STYLE: &str = include_str!("style.css");

/// The whole page; one part for each crop.
///
/// # Errors
/// A case that cannot be rendered, by its name.
pub fn page(parts: &[(&Summary, &Measured)], sheet: &mut Sheet) -> Result<String> {
    let model = parts.first().map_or("", |(summary, _)| summary.model.as_str());
    let protocol = parts.first().map_or("", |(summary, _)| summary.protocol.as_str());
    let sha256 = parts.first().map_or("", |(summary, _)| summary.model_sha256.as_str());
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>Azimuth: {model} on {protocol}</title><style>{STYLE}</style></head><body><main><header><h1>Azimuth <small>model {model}, protocol {protocol}</small></h1><p class=\"facts\">Model manifest <code>{sha256}</code></p></header>",
        model = escape(model),
        protocol = escape(protocol),
        sha256 = escape(sha256)
    );
    for (summary, measured) in parts {
        part(&mut html, summary, measured, sheet)?;
    }
    how_to_read(&mut html);
    html.push_str("</main></body></html>\n");
    Ok(html)
}

fn part(html: &mut String, summary: &Summary, measured: &Measured, sheet: &mut Sheet) -> Result<()> {
    let _ = write!(html, "<section><h2>Crop: {}</h2>", escape(&summary.crop.replace('_', " ")));
    cards(html, summary);
    table(html, &tables::scores(summary));
    if let Some(note) = summary.not_covered_note() {
        let _ = write!(html, "<p class=\"warning\">{}.</p>", escape(&note));
    }
    let errors_deg: Vec<f64> = measured.outcomes.iter().map(|outcome| outcome.claim.error_deg).collect();
    html.push_str("<h3>How far off</h3><div class=\"pair\"><figure>");
    html.push_str(&error_histogram(&errors_deg));
    html.push_str("</figure><figure>");
    html.push_str(&accuracy_by_azimuth(summary.total().map_or(&[], |total| &total.azimuth_bins)));
    html.push_str("</figure></div><details><summary>The same by azimuth, in numbers</summary>");
    table(html, &tables::azimuths(summary));
    let sentence = tables::calibration_sentence(summary);
    let _ = write!(html, "</details><h3>Does it know when it is wrong?</h3><p>{sentence}</p><div class=\"pair\"><div>");
    table(html, &tables::spreads(summary));
    html.push_str("</div><div>");
    table(html, &tables::flips(summary));
    html.push_str("</div></div><figure>");
    html.push_str(&flip_reliability(&summary.calibration.flip_bins));
    html.push_str("</figure>");
    cases::gallery(html, measured, sheet)?;
    html.push_str("</section>");
    Ok(())
}

fn cards(html: &mut String, summary: &Summary) {
    let Some(total) = summary.total() else { return };
    let s = &total.scores;
    let cards = [
        ("objects", s.count.to_string(), "of all splits"),
        ("ACC30", format!("{:.1} %", s.acc30), "off by less than 30°"),
        ("ACC10", format!("{:.1} %", s.acc10), "off by less than 10°"),
        ("median error", format!("{:.1}°", s.median_deg), "sample-weighted over the splits"),
        ("flips", format!("{:.1} %", s.flip_rate), "off by more than 150°"),
        ("inside 90 %", format!("{:.1} %", summary.calibration.inside_90), "of the published ellipsoid"),
    ];
    html.push_str("<div class=\"cards\">");
    for (name, value, small) in cards {
        let _ = write!(html, "<div class=\"card\"><span>{name}</span><b>{value}</b><small>{small}</small></div>");
    }
    html.push_str("</div>");
}

fn table(html: &mut String, table: &Table) {
    html.push_str("<div class=\"wide\"><table><thead><tr>");
    let cell = |html: &mut String, tag: &str, column: usize, text: &str| {
        let class = if column < table.text_columns { " class=\"text\"" } else { "" };
        let _ = write!(html, "<{tag}{class}>{}</{tag}>", escape(text));
    };
    table.head.iter().enumerate().for_each(|(column, name)| cell(html, "th", column, name));
    html.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        html.push_str(if row.iter().any(|text| text == "all") { "<tr class=\"sum\">" } else { "<tr>" });
        row.iter().enumerate().for_each(|(column, text)| cell(html, "td", column, text));
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
}

fn how_to_read(html: &mut String) {
    html.push_str(
        "<h2>How to read this</h2><ul>\
         <li>The error is the geodesic angle between estimated and labelled orientation, relative to the viewing ray.</li>\
         <li>Lines called “all” are sample-weighted means of the lines above, of the medians too, as published; azimuths are pooled.</li>\
         <li>In parentheses: 95 % bootstrap intervals. What is inside another model's interval is no difference; <code>trainer compare</code> pairs the objects and sees more.</li>\
         <li>The ellipsoid, the spread σ and the likelihood speak about errors below 30°; beyond, the answer belongs to another mode, about which the flip probability speaks.</li></ul>",
    );
}
