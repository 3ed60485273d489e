//! Text files that name the images of a set, one a line.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The lines of a list that are not blank.
///
/// # Errors
/// Where the list is missing or names nothing: a set without its list is no set.
pub(super) fn lines(list: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let lines: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    ensure!(!lines.is_empty(), "{}: names nothing", list.display());
    // Names become paths; they must not lead out of the data set.
    let escapes = |line: &String| line.split_whitespace().next().is_some_and(|n| n.contains(['/', '\\']) || n == "..");
    if let Some(number) = lines.iter().position(escapes) {
        anyhow::bail!("{}: {:?} is no plain name", list.display(), lines[number]);
    }
    Ok(lines)
}

/// Names of the files of a folder with an extension, without it, sorted.
pub(super) fn stems(folder: &Path, extension: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut stems = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.extension().is_some_and(|e| e == extension) {
            stems.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    stems.sort();
    Ok(stems)
}

/// A number for a name, the same on every machine.
pub(super) fn group(name: &str) -> u32 {
    name.bytes().fold(0, |hash: u32, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
}
