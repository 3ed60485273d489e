//! `trainer compare`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use crate::evaluation::compare::{Comparison, Disagreement, compare};
use crate::evaluation::details::load;

/// Objects named at either side of a disagreement, unless all are wanted.
const NAMED_MAX: usize = 12;

/// Arguments of `trainer compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Both files must come from the same test set: objects are paired by name and crop. Differences are second minus first, with 95 %
intervals of a paired bootstrap; one that contains 0 is no difference.

Example:
  trainer eval --kitti ~/kitti/object/training --model runs/a/model --details a.jsonl
  trainer eval --kitti ~/kitti/object/training --model runs/b/model --details b.jsonl
  trainer compare a.jsonl b.jsonl")]
pub struct CompareArgs {
    /// `trainer eval --details` of the first model, such as the baseline
    pub first: PathBuf,
    /// The same of the second
    pub second: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<()> {
    let comparisons = compare(&load(&args.first)?, &load(&args.second)?)?;
    let mut out = io::stdout().lock();
    if args.json {
        let (first, second) = (args.first.display().to_string(), args.second.display().to_string());
        writeln!(out, "{}", json!({"first": first, "second": second, "comparisons": comparisons}))?;
        return Ok(());
    }
    comparisons.iter().try_for_each(|comparison| print(&mut out, comparison))?;
    Ok(())
}

fn print(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    writeln!(out, "crop {}; first, second, second minus first (95 % interval)", comparison.crop)?;
    for row in &comparison.rows {
        let (a, b, d) = (&row.first, &row.second, &row.difference);
        writeln!(out, "{} {}, {} objects", row.split, row.category, a.count)?;
        let mut line = |name: &str, values: [f64; 3], [low, high]: [f64; 2], unit: &str| {
            let [first, second, difference] = values;
            writeln!(
                out,
                "  {name:<7}{first:>7.1}{unit}{second:>7.1}{unit}{difference:>+8.1} ({low:+.1} to {high:+.1})"
            )
        };
        line("ACC30", [a.acc30, b.acc30, d.acc30], d.acc30_ci95, "%")?;
        line("ACC10", [a.acc10, b.acc10, d.acc10], d.acc10_ci95, "%")?;
        line("median", [a.median_deg, b.median_deg, d.median_deg], d.median_deg_ci95, "°")?;
        line("flips", [a.flip_rate, b.flip_rate, d.flip_rate], d.flip_rate_ci95, "%")?;
    }
    name(out, "only the first is right", &comparison.right_in_first_only)?;
    name(out, "only the second is right", &comparison.right_in_second_only)?;
    if comparison.unpaired_in_first + comparison.unpaired_in_second > 0 {
        let (first, second) = (comparison.unpaired_in_first, comparison.unpaired_in_second);
        writeln!(out, "not compared: {first} objects of the first file and {second} of the second have no partner")?;
    }
    Ok(())
}

fn name(out: &mut impl Write, title: &str, objects: &[Disagreement]) -> io::Result<()> {
    writeln!(out, "{title}: {}", objects.len())?;
    for object in objects.iter().take(NAMED_MAX) {
        let Disagreement { name, split, azimuth_deg, first_error_deg, second_error_deg, .. } = object;
        writeln!(
            out,
            "  {name:<24}{split:<18} azimuth {azimuth_deg:>4.0}°  errors {first_error_deg:>6.1}° {second_error_deg:>6.1}°"
        )?;
    }
    if objects.len() > NAMED_MAX {
        writeln!(out, "  … and {} more (--json names all)", objects.len() - NAMED_MAX)?;
    }
    Ok(())
}
