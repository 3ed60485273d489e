//! Our trunks with torchvision's weights against torchvision itself.

use std::path::Path;
use std::process::Command;

use tract_onnx::prelude::*;

use crate::networks::backbone::BackboneKind;
use crate::networks::graph::Graph;
use crate::networks::onnx::{ExportSpec, Parameters, export};
use crate::networks::weights::{read, renamed};

const SHAPE: [usize; 4] = [2, 3, 64, 96];
/// Relative to the largest value.
const DIFFERENCE_MAX: f32 = 1e-4;

/// Saves random weights, images and the last feature map of a torchvision model.
const PYTHON: &str = r#"
import sys, torch, torchvision
folder, name, *shape = sys.argv[1:]
model = getattr(torchvision.models, name)().eval()
for module in model.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        for values in (module.weight, module.bias, module.running_mean, module.running_var):
            values.data.uniform_(0.5, 1.5)
images = torch.randn(*[int(side) for side in shape])
layers = model.features[:-1] if name == "mobilenet_v2" else torch.nn.Sequential(*list(model.children())[:-2])
with torch.no_grad():
    layers(images).numpy().tofile(folder + "/last.f32")
images.numpy().tofile(folder + "/images.f32")
torch.save(model.state_dict(), folder + "/zip.pth")
torch.save(model.state_dict(), folder + "/legacy.pth", _use_new_zipfile_serialization=False)
"#;

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The trunk's last map for the images, with the weights of a file, by tract.
fn last_map(kind: BackboneKind, weights: &Path, images: &[f32]) -> Vec<f32> {
    let parameters: Parameters = renamed(kind, read(weights).unwrap()).into_iter().collect();
    let mut graph = Graph::new(3);
    let trunk = kind.trunk(&mut graph, 0);
    graph.output("last", trunk.last.node);
    let [_, _, height, width] = SHAPE;
    let spec =
        ExportSpec { graph: &graph, parameters: &parameters, height, width, metadata: &[], producer_version: "0" };
    let bytes = export(&spec).unwrap();
    let model = tract_onnx::onnx().model_for_read(&mut std::io::Cursor::new(bytes)).unwrap();
    let model = model.into_optimized().unwrap().into_runnable().unwrap();
    let outputs = model.run(tvec!(Tensor::from_shape(&SHAPE, images).unwrap().into())).unwrap();
    outputs[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect()
}

#[test]
#[ignore = "needs python3 (PYTHON) with the packages numpy, torch and torchvision"]
fn trunks_with_weights_of_torchvision_compute_what_torchvision_does() {
    let models = [
        (BackboneKind::ResNet18, "resnet18"),
        (BackboneKind::ResNet50, "resnet50"),
        (BackboneKind::MobileNetV2, "mobilenet_v2"),
    ];
    for (kind, name) in models {
        let folder = tempfile::tempdir().unwrap();
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let mut save = Command::new(python);
        save.args(["-c", PYTHON]).arg(folder.path()).arg(name).args(SHAPE.map(|side| side.to_string()));
        assert!(save.status().unwrap().success());
        let (images, expected) = (floats(&folder.path().join("images.f32")), floats(&folder.path().join("last.f32")));
        let scale = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        for file in ["zip.pth", "legacy.pth"] {
            let found = last_map(kind, &folder.path().join(file), &images);
            assert_eq!(found.len(), expected.len(), "{name}");
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
            assert!(worst <= DIFFERENCE_MAX, "{name}, {file}: {worst:e}");
        }
    }
}
