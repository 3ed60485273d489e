//! What PASCAL3D+ and ObjectNet3D say about a photograph: the variable `record` of a MAT-file.
//!
//! Source: Xiang et al., "Beyond PASCAL: A Benchmark for 3D Object Detection in the Wild" (WACV 2014), and the files' own field names.

use calibration::Viewpoint;

use crate::datasets::mat::{self, MatError, Struct};

/// The objects of a photograph.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Name of the picture file, where it is given.
    pub filename: Option<String>,
    /// Width and height of the picture, pixels, where they are given.
    pub size_px: Option<[f64; 2]>,
    /// In the order of the file.
    pub objects: Vec<Object>,
}

/// An annotated object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Category, as it is written.
    pub class: String,
    /// Left, top, right, bottom as annotated: pixels, the first one's centre at 1.
    pub box_px: Option<[f64; 4]>,
    /// It goes on beyond the picture's border.
    pub truncated: bool,
    /// Something is in front of it.
    pub occluded: bool,
    /// Hard to recognise, said PASCAL VOC.
    pub difficult: bool,
    /// Which CAD model of the category was aligned, from 1.
    pub cad_index: Option<u32>,
    /// The alignment; absent for objects nobody aligned.
    pub view: Option<View>,
}

/// How an object was aligned with its CAD model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The angles.
    pub viewpoint: Viewpoint,
    /// Only the annotator's first guess in steps of some degrees: the alignment by landmarks is missing.
    pub coarse: bool,
    /// From the camera to the centre of the CAD model, in its units; 0 where unknown.
    pub distance: f64,
    /// Focal length, in viewports; 1 in both data sets.
    pub focal: f64,
    /// Pixels of a focal length of 1; 3000 in PASCAL3D+, 2000 in ObjectNet3D.
    pub viewport_px: f64,
    /// Where the centre of the CAD model is in the picture, as annotated: pixels, the first one's centre at 1.
    pub principal_px: Option<[f64; 2]>,
}

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The file is no sound MAT-file.
    #[error(transparent)]
    Mat(#[from] MatError),
    /// The file is sound and holds something else.
    #[error("{field}: {reason}")]
    Field {
        /// Path of the field: `record.objects[0].bbox`.
        field: String,
        /// What is wrong.
        reason: String,
    },
}

fn wrong(field: impl Into<String>, reason: impl Into<String>) -> RecordError {
    RecordError::Field { field: field.into(), reason: reason.into() }
}

impl Record {
    /// Reads the record of a MAT-file.
    ///
    /// # Errors
    /// [`RecordError`], with the byte or the field.
    pub fn parse(file: &[u8]) -> Result<Self, RecordError> {
        let variables = mat::parse(file)?;
        let record = variables.iter().find(|(name, _)| name == "record").map(|(_, value)| value);
        let record = record.ok_or_else(|| wrong("record", "the file has no such variable"))?;
        let record = record.single().ok_or_else(|| wrong("record", "not one structure"))?;
        let objects = record.get("objects").ok_or_else(|| wrong("record.objects", "no such field"))?;
        let size = record.get("imgsize").and_then(|v| v.numbers());
        Ok(Self {
            filename: record.get("filename").and_then(|v| v.text()).map(str::to_owned),
            size_px: size.and_then(|s| s.first_chunk::<2>()).copied(),
            objects: objects.structs().enumerate().map(|(i, o)| Object::parse(i, &o)).collect::<Result<_, _>>()?,
        })
    }
}

impl Object {
    fn parse(index: usize, object: &Struct<'_>) -> Result<Self, RecordError> {
        let path = |field: &str| format!("record.objects[{index}].{field}");
        let class = object.get("class").and_then(|v| v.text());
        let flag = |field| object.number(field).is_some_and(|value| value != 0.0);
        let box_px = match object.get("bbox").and_then(|v| v.numbers()) {
            None | Some([]) => None,
            Some(&[x1, y1, x2, y2]) if x1 < x2 && y1 < y2 && [x1, y1, x2, y2].iter().all(|v| v.is_finite()) => {
                Some([x1, y1, x2, y2])
            }
            Some(values) => return Err(wrong(path("bbox"), format!("{values:?} is no box"))),
        };
        Ok(Self {
            class: class.ok_or_else(|| wrong(path("class"), "no text"))?.to_owned(),
            box_px,
            truncated: flag("truncated"),
            occluded: flag("occluded"),
            difficult: flag("difficult"),
            cad_index: object.number("cad_index").filter(|&i| i >= 1.0).map(|i| i as u32),
            view: match object.get("viewpoint").and_then(|v| v.single()) {
                Some(viewpoint) => View::parse(&path("viewpoint"), &viewpoint)?,
                None => None,
            },
        })
    }
}

impl View {
    /// None where the structure is there but says no angles.
    fn parse(place: &str, viewpoint: &Struct<'_>) -> Result<Option<Self>, RecordError> {
        let number = |field: &str| match viewpoint.number(field) {
            Some(value) if !value.is_finite() => {
                Err(wrong(format!("{place}.{field}"), format!("{value} is no number")))
            }
            value => Ok(value),
        };
        let fine = number("azimuth")?.zip(number("elevation")?);
        let coarse = number("azimuth_coarse")?.zip(number("elevation_coarse")?);
        let Some((azimuth_deg, elevation_deg)) = fine.or(coarse) else { return Ok(None) };
        let distance = number("distance")?.unwrap_or(0.0);
        Ok(Some(Self {
            viewpoint: Viewpoint::from_degrees(azimuth_deg, elevation_deg, number("theta")?.unwrap_or(0.0)),
            coarse: fine.is_none() || distance <= 0.0,
            distance,
            focal: number("focal")?.unwrap_or(1.0),
            viewport_px: number("viewport")?.unwrap_or(0.0),
            principal_px: number("px")?.zip(number("py")?).map(|(x, y)| [x, y]),
        }))
    }
}
