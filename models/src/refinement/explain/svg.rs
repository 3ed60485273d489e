//! An explanation as one picture inside a page.

use std::fmt::Write as _;

use super::{Cell, Curve, Explanation};

/// Pixels a cell of the feature map is drawn in.
const CELL: f64 = 8.0;
/// Between panels, and above each for its title.
const GAP: f64 = 10.0;
const TITLE: f64 = 14.0;

impl Explanation {
    /// Draws five panels (the mesh before and after on the crop, the occlusion map, the features of crop and mesh) and three curves.
    /// `crop` is what `href` of an `<image>` may be, such as a `data:` URI of the crop on the model's canvas; it is written as it is.
    #[must_use]
    pub fn svg(&self, crop: &str) -> String {
        let [width, height] = self.size.map(|cells| CELL * cells as f64);
        let [across, down] = [3.0 * width + 2.0 * GAP, 3.0 * (height + TITLE) + 2.0 * GAP];
        let mut svg = format!(
            "<svg viewBox=\"0 0 {across} {down}\" fill=\"currentColor\" font-family=\"sans-serif\" font-size=\"10\" \
             role=\"img\" aria-label=\"how the pose was found\">"
        );
        let place =
            |column: usize, row: usize| [(width + GAP) * column as f64, TITLE + (height + TITLE + GAP) * row as f64];
        let mut body = String::new();
        let mut draw = |at: [f64; 2], title: &str, content: &str| panel(&mut body, at, [width, height], title, content);
        let picture =
            format!("<image href=\"{crop}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\"/>");
        draw(place(0, 0), "retrieved", &format!("{picture}{}", dots(&self.retrieved, "#ffd400")));
        let [object, occluded] = [true, false].map(|is_object| {
            let chosen = self.refined.iter().filter(|vertex| vertex.is_object == is_object);
            chosen.map(|vertex| vertex.at).collect::<Vec<_>>()
        });
        let refined = format!("{picture}{}{}", dots(&object, "#00e05a"), dots(&occluded, "#ff3b30"));
        draw(place(1, 0), "refined (red: hidden)", &refined);
        draw(place(2, 0), "object, hidden, background", &self.occlusion());
        draw(place(0, 1), "features of the crop", &self.features());
        draw(place(1, 1), "features of the mesh", &self.mesh());
        let titles = ["loss along azimuth", "along elevation", "along in-plane angle"];
        for (column, (curve, title)) in self.curves.iter().zip(titles).enumerate() {
            draw(place(column, 2), title, &chart(curve, [width, height]));
        }
        svg.push_str(&body);
        let [after, before] = self.loss;
        let [x, y] = place(2, 1);
        let _ = write!(svg, "<text x=\"{x}\" y=\"{}\">loss {before:.2} retrieved, {after:.2} refined</text>", y + 12.0);
        svg.push_str("</svg>");
        svg
    }

    fn occlusion(&self) -> String {
        self.grid(|index| match self.cells[index] {
            Cell::Background => "#24262b",
            Cell::Object => "#2fbf71",
            Cell::Occluded => "#e5484d",
        })
    }

    fn features(&self) -> String {
        self.grid(|index| hex(self.colours[index]))
    }

    fn mesh(&self) -> String {
        let [width, height] = self.size.map(|cells| CELL * cells as f64);
        let mut group = format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#24262b\"/>");
        for vertex in &self.refined {
            let [x, y] = vertex.at.map(|at| CELL * f64::from(at));
            let _ = write!(group, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{}\"/>", hex(vertex.colour));
        }
        group
    }

    fn grid<T: std::fmt::Display>(&self, fill: impl Fn(usize) -> T) -> String {
        let [width, height] = self.size;
        let mut group = String::new();
        for index in 0..width * height {
            let [x, y] = [index % width, index / width].map(|cell| CELL * cell as f64);
            let _ = write!(
                group,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{}\"/>",
                fill(index)
            );
        }
        group
    }
}

fn panel(svg: &mut String, [x, y]: [f64; 2], [width, height]: [f64; 2], title: &str, content: &str) {
    let _ = write!(svg, "<text x=\"{x}\" y=\"{}\">{title}</text>", y - 4.0);
    // A picture of its own: what reaches beyond the crop is cut off.
    let _ = write!(svg, "<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">{content}</svg>");
}

fn dots(points: &[[f32; 2]], fill: &str) -> String {
    let mut group = format!("<g fill=\"{fill}\" fill-opacity=\"0.8\">");
    for [x, y] in points.iter().map(|point| point.map(|at| CELL * f64::from(at))) {
        let _ = write!(group, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.2\"/>");
    }
    group.push_str("</g>");
    group
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The least at the bottom, the answer's angle in the middle.
fn chart(curve: &Curve, [width, height]: [f64; 2]) -> String {
    let bounds = |axis: usize| {
        let values = curve.points.iter().map(|point| point[axis]);
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
    };
    let ([left, right], [low, high]) = (bounds(0), bounds(1));
    let mut group = format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#f4f5f7\"/>");
    if !(right > left && high > low) {
        return group;
    }
    let x = |deg: f64| width * (deg - left) / (right - left);
    let y = |loss: f64| 4.0 + (height - 8.0) * (high - loss) / (high - low);
    let _ = write!(group, "<line x1=\"{0:.1}\" y1=\"0\" x2=\"{0:.1}\" y2=\"{height}\" stroke=\"#c3c7cf\"/>", x(0.0));
    group.push_str("<polyline fill=\"none\" stroke=\"#2f6fde\" stroke-width=\"1.5\" points=\"");
    for [deg, loss] in &curve.points {
        let _ = write!(group, "{:.1},{:.1} ", x(*deg), y(*loss));
    }
    let _ = write!(group, "\"/><text fill=\"#333\" x=\"2\" y=\"{}\">{left:.0}°</text>", height - 3.0);
    let _ = write!(
        group,
        "<text fill=\"#333\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{right:.0}°</text>",
        width - 2.0,
        height - 3.0
    );
    let _ = write!(
        group,
        "<text fill=\"#333\" x=\"2\" y=\"10\">{high:.1}</text><text fill=\"#333\" x=\"{}\" y=\"10\" text-anchor=\"end\">least {low:.1}</text>",
        width - 2.0
    );
    group
}
