//! What an operation refuses, and why.

use crate::BoxFault;

/// One closed error for all operations: `Copy`, no strings, safe to count on the hot path.
///
/// An operation that returns an error has not touched its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// An image must have at least one row and one column.
    #[error("the image is empty: {width} x {height} pixels")]
    ImageEmpty {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Width, height and stride describe more bytes than the machine can address.
    #[error("the image size overflows: {width} x {height} pixels, {stride_bytes} bytes a row")]
    ImageTooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes from one row to the next.
        stride_bytes: usize,
    },
    /// Rows would overlap.
    #[error("the image stride is {stride_bytes} bytes but a row holds {row_bytes}")]
    StrideTooSmall {
        /// Bytes from one row to the next.
        stride_bytes: usize,
        /// Bytes of pixels in one row.
        row_bytes: usize,
    },
    /// The buffer ends before the last row does.
    #[error("the image buffer holds {actual_bytes} bytes, {needed_bytes} are needed")]
    ImageTooShort {
        /// Bytes given.
        actual_bytes: usize,
        /// Bytes that the sizes imply.
        needed_bytes: usize,
    },
    /// A box that cannot be cut.
    #[error("box {index} is refused: {fault}")]
    Box {
        /// Position in the list of boxes.
        index: usize,
        /// What is wrong with it.
        fault: BoxFault,
    },
    /// A crop specification that has no meaning.
    #[error("the crop specification is invalid: {field}")]
    CropSpec {
        /// The field at fault.
        field: &'static str,
    },
    /// An output slice of the wrong length.
    #[error("the output holds {actual} elements, {needed} are needed")]
    OutputLength {
        /// Elements given.
        actual: usize,
        /// Elements that the call implies.
        needed: usize,
    },
    /// A triangle names a vertex that does not exist.
    #[error("triangle {triangle} names vertex {vertex} of {vertex_count}")]
    VertexIndex {
        /// Position in the list of triangles.
        triangle: usize,
        /// The vertex it names.
        vertex: u32,
        /// Vertices that exist.
        vertex_count: usize,
    },
    /// A mesh with parts needs one part for each triangle.
    #[error("the mesh has {part_count} parts for {triangle_count} triangles")]
    PartCount {
        /// Parts given.
        part_count: usize,
        /// Triangles given.
        triangle_count: usize,
    },
    /// A pixel refers to a triangle that the mesh does not have: the buffers were drawn from
    /// another mesh.
    #[error("the raster buffers name triangle {triangle} of {triangle_count}")]
    TriangleIndex {
        /// The triangle a pixel names.
        triangle: u32,
        /// Triangles of the mesh.
        triangle_count: usize,
    },
    /// Depth, triangle, barycentric and part must each hold width x height elements.
    #[error("a raster buffer does not hold width x height elements")]
    RasterBufferLength,
    /// The projection holds a NaN or an infinity.
    #[error("the projection is not finite")]
    ProjectionNotFinite,
    /// The near plane must be finite and in front of the camera.
    #[error("the near plane is not a positive distance")]
    NearPlane,
    /// A table or a list of queries that is not a whole number of rows, or rows without elements.
    #[error("{len} elements are not a whole number of rows of {dim}")]
    RowShape {
        /// Elements given.
        len: usize,
        /// Elements in a row.
        dim: usize,
    },
    /// The table has more rows than a row number can name.
    #[error("the table has {row_count} rows, more than a row number can name")]
    TableTooLarge {
        /// Rows of the table.
        row_count: usize,
    },
    /// A sketch or clusters that were made from a table of another shape.
    #[error("the sketch or the clusters of a table of {row_count} rows of {dim} have another shape")]
    CompanionShape {
        /// Rows of the table.
        row_count: usize,
        /// Elements in a row.
        dim: usize,
    },
    /// The range of rows is reversed or reaches past the table.
    #[error("rows {start}..{end} are not inside a table of {row_count} rows")]
    RowRange {
        /// First row asked for.
        start: u32,
        /// One past the last row asked for.
        end: u32,
        /// Rows of the table.
        row_count: usize,
    },
    /// More neighbors were asked for than the implementation was built for.
    #[error("k is {k}, at most {k_max} were allowed for")]
    KTooLarge {
        /// Neighbors asked for.
        k: usize,
        /// The bound given at construction.
        k_max: usize,
    },
    /// More queries were given than the implementation was built for.
    #[error("{batch} queries, at most {batch_max} were allowed for")]
    BatchTooLarge {
        /// Queries given.
        batch: usize,
        /// The bound given at construction.
        batch_max: usize,
    },
    /// Rows longer than the implementation can search.
    #[error("rows hold {dim} elements, at most {dim_max} can be searched")]
    DimTooLarge {
        /// Elements in a row.
        dim: usize,
        /// The implementation's bound.
        dim_max: usize,
    },
    /// Numbers that are not a map of features, or a map too large.
    #[error("{len} elements are not a feature map of {height} x {width} cells of {dim}")]
    FeatureMapShape {
        /// Elements given.
        len: usize,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Elements of a feature vector.
        dim: usize,
    },
    /// A feature map holds a number that is not finite, or that is enormous.
    #[error("the feature map has no usable number at row {row}, column {column}")]
    FeatureValue {
        /// Row of the cell.
        row: usize,
        /// Column of the cell.
        column: usize,
    },
    /// Arrays of a surface whose lengths do not fit.
    #[error("the surface's {field} do not have the length of the others, or one that can be used")]
    SurfaceShape {
        /// The array at fault.
        field: &'static str,
    },
    /// A surface holds a number that is not finite, enormous, or negative where it must not be.
    #[error("the surface's {field} have no usable number at vertex {vertex}")]
    SurfaceValue {
        /// The array at fault.
        field: &'static str,
        /// The vertex.
        vertex: usize,
    },
    /// A map and a surface whose feature vectors differ in length.
    #[error("the feature map has features of {map_dim}, the surface of {surface_dim}")]
    FeatureDim {
        /// Elements of a feature vector of the map.
        map_dim: usize,
        /// Elements of a feature vector of the surface.
        surface_dim: usize,
    },
    /// More comparisons than an implementation keeps.
    #[error("{vertex_count} vertices and {cell_count} cells are too many to compare")]
    SimilarityCount {
        /// Vertices of the surface.
        vertex_count: usize,
        /// Cells of the map.
        cell_count: usize,
    },
    /// Placements were to be scored before a surface was compared with a map.
    #[error("no surface was compared with a map yet")]
    NoSimilarities,
    /// A robust weight that has no meaning.
    #[error("the robust specification is invalid: {field}")]
    RobustSpec {
        /// The field at fault.
        field: &'static str,
    },
    /// A placement that is not finite, or whose scale or nearness has no meaning.
    #[error("the placement is not finite, or its scale or nearness is out of range")]
    PlacementInvalid,
    /// A sum left the range of single precision.
    #[error("a sum is not finite")]
    SumNotFinite,
    /// A device failed, or refused for want of memory.
    #[error("the CUDA device failed with code {code}")]
    Device {
        /// The driver's code (`CUresult`).
        code: u32,
    },
}
