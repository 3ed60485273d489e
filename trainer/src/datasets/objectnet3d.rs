//! ObjectNet3D (Xiang et al., ECCV 2016): 90127 photographs of 100 categories with 201888 aligned objects.
//!
//! Layout: `Annotations/*.mat`, `Images/*.JPEG`, `Image_sets/{train,val,test}.txt`; the annotations are those of PASCAL3D+.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::annotated::{Annotated, Choice};
use super::benchmark::BenchmarkObjects;
use super::stream::stream;
use super::{Faults, Source, lists};

/// Categories of the whole set.
pub const CATEGORY_COUNT: usize = 100;
/// Images of the three lists together.
pub const IMAGE_COUNT: usize = 90_127;
/// Objects of the three lists together.
pub const OBJECT_COUNT: usize = 201_888;

/// Objects of one list (`train`, `val` or `test`), of the given categories or of all where none is given.
///
/// # Errors
/// Where the list is missing. Missing or damaged files are `faults`; so are objects without a viewpoint.
pub fn load(root: &Path, set: &str, categories: &[String], faults: &Faults) -> Result<BenchmarkObjects> {
    let categories: Arc<[String]> = categories.into();
    let names = lists::lines(&root.join(format!("Image_sets/{set}.txt")))?;
    let entries: Vec<Annotated> = names
        .into_iter()
        .map(|name| Annotated {
            annotation: root.join(format!("Annotations/{name}.mat")),
            picture: root.join(format!("Images/{name}.JPEG")),
            split: set.to_owned(),
            occlusion: 0,
            source: Source::ObjectNet3d,
            choice: Choice::AnyOf(Arc::clone(&categories)),
            name,
        })
        .collect();
    let noted = faults.clone();
    Ok(stream(entries, faults, move |entry: &Annotated| entry.load(&noted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::OnError;
    use crate::datasets::mat::fixture::compressed_file;
    use crate::datasets::pascal3d::fixture::{POSED, object, record, write, write_jpeg};

    #[test]
    fn objects_are_taken_by_category() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let wide = [5.0, 5.0, 50.0, 30.0];
        let objects =
            [object("iron", wide, Some(&POSED)), object("bed", wide, Some(&POSED)), object("bed", wide, None)];
        write(&root.join("Annotations/n1.mat"), compressed_file(&[record("n1.JPEG", &objects)]));
        write_jpeg(&root.join("Images/n1.JPEG"));
        write(&root.join("Image_sets/test.txt"), "n1\n");
        for (categories, expected) in [(vec![], vec!["iron", "bed"]), (vec!["bed".to_owned()], vec!["bed"])] {
            let faults = Faults::new(OnError::Fail);
            let found: Vec<_> = load(root, "test", &categories, &faults).unwrap().flat_map(|o| o.unwrap()).collect();
            assert_eq!(found.iter().map(|o| o.category.as_str()).collect::<Vec<_>>(), expected);
            assert_eq!((found[0].split.as_str(), faults.list().len()), ("test", 1));
        }
    }
}
