//! `trainer table`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use models::{Artifact, BackboneConfig, ClassSpec, Manifest, Model, Provider};

use super::reference_args::ReferenceArgs;
use crate::encoder::{Encoder, available_providers};
use crate::rendering::load_shapes;
use crate::table::{ClassReferences, EmbeddingSpec, RETRIEVAL_UNFITTED, build};
use crate::training::TrainingConfig;
use crate::training::batches::TrainingData;

/// Files of a model folder.
const BACKBONE: &str = "backbone.onnx";
const TABLE: &str = "reference_table.safetensors";
const MANIFEST: &str = "manifest.toml";

/// Arguments of `trainer table`.
#[derive(Debug, clap::Args)]
pub struct TableArgs {
    /// A run's folder: `run.toml`, `query_encoder.onnx`, `reference_encoder.onnx`
    #[arg(long)]
    pub run: PathBuf,
    /// Model folder to write; what is in it is replaced when the new model is complete
    #[arg(long)]
    pub out: PathBuf,
    /// Model name
    #[arg(long, default_value = "car")]
    pub name: String,
    /// Class of its objects
    #[arg(long, default_value = "car")]
    pub class: String,
    /// Renderings of the table
    #[command(flatten)]
    pub references: ReferenceArgs,
    /// Licence line of the model
    #[arg(long, default_value = "research use")]
    pub licence: String,
    /// Mean length, width and height in metres
    #[arg(long, value_delimiter = ',', default_values_t = [3.88, 1.63, 1.53])]
    pub dimensions_m: Vec<f64>,
}

/// Runs the command.
pub fn run(args: &TableArgs) -> Result<()> {
    let config = TrainingConfig::load(&args.run.join("run.toml"))?;
    let backbone = read(&args.run.join("query_encoder.onnx"))?;
    let reference_encoder = read(&args.run.join("reference_encoder.onnx"))?;
    let all = load_shapes(&config.shapes, config.vehicles, &config.data.root)?;
    ensure!(args.dimensions_m.len() == 3, "--dimensions-m: three numbers, not {}", args.dimensions_m.len());
    let shapes = args.references.select(&all)?;
    let shape_count = shapes.len();
    let set = args.references.reference_set(&shapes, || Ok(TrainingData::load(&config)?.samples))?;
    eprintln!("{:?}: {} renderings of {shape_count} shapes", args.references.set, set.len());
    let providers: Vec<Provider> = available_providers();
    let output = ("embedding", config.embedding_dim);
    let mut encoder = Encoder::open(&reference_encoder, &config.reference, output, &providers, 2)?;
    let spec = EmbeddingSpec {
        canvas: &config.reference,
        modality: args.references.modality.unwrap_or(config.modality),
        dim: config.embedding_dim,
        backbone_sha256: &models::sha256_hex(&backbone),
    };
    let started = std::time::Instant::now();
    let table = build(&mut encoder, &spec, &[ClassReferences { name: &args.class, shapes, set }])?;
    let rows_per_s = table.rotations.len() as f64 / started.elapsed().as_secs_f64();
    // Everything is made beside the folder and moved into it when it is whole: a model that works is never half replaced.
    let parent = args.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let made = tempfile::tempdir_in(parent).with_context(|| parent.display().to_string())?;
    table.save(&made.path().join(TABLE))?;
    let onnx_path = made.path().join(BACKBONE);
    std::fs::write(&onnx_path, &backbone).with_context(|| onnx_path.display().to_string())?;
    manifest(args, &config, made.path())?.save(made.path())?;
    Model::load(made.path(), &BackboneConfig { providers, threads: 2, batch_max: 1, ..BackboneConfig::default() })?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    for name in [BACKBONE, TABLE, MANIFEST] {
        let path = args.out.join(name);
        std::fs::rename(made.path().join(name), &path).with_context(|| path.display().to_string())?;
    }
    let (rows, megabytes) = (table.rotations.len(), table.embeddings.len() / 500_000);
    eprintln!("{}: {rows} rows of {shape_count} shapes, {megabytes} MB, {rows_per_s:.0} rows/s", args.out.display());
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} (trainer export writes it)", path.display()))
}

/// The manifest of the files in `made`. Retrieval settings of a manifest in the output folder are kept where they were fitted
/// for this very network: distances of another one mean something else.
fn manifest(args: &TableArgs, config: &TrainingConfig, made: &Path) -> Result<Manifest> {
    let spec = config.query_spec();
    let mut artifacts = std::collections::BTreeMap::new();
    for name in [BACKBONE, TABLE] {
        let bytes = read(&made.join(name))?;
        artifacts.insert(name.to_owned(), Artifact { sha256: models::sha256_hex(&bytes), bytes: bytes.len() as u64 });
    }
    let same_network = |old: &Manifest| {
        old.artifacts.get(BACKBONE).is_some_and(|of_old| artifacts.get(BACKBONE).is_some_and(|of_new| of_old == of_new))
    };
    let retrieval = match Manifest::load(&args.out).ok().filter(same_network) {
        Some(old) => old.retrieval,
        None => {
            eprintln!("retrieval settings are not fitted yet: run trainer calibrate");
            RETRIEVAL_UNFITTED
        }
    };
    let [length_m, width_m, height_m] = [args.dimensions_m[0], args.dimensions_m[1], args.dimensions_m[2]];
    Ok(Manifest {
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        licence: args.licence.clone(),
        provenance: format!(
            "{} steps of {} crops, seed {}; see MODEL_CARD.md",
            config.steps, config.queries_per_step, config.seed
        ),
        classes: vec![ClassSpec {
            name: args.class.clone(),
            aliases: ["Car", "Van", "vehicle.car"].map(String::from).to_vec(),
            length_m,
            width_m,
            height_m,
        }],
        input: spec.into(),
        outputs: models::OutputSpec { embedding: "embedding".into(), dim: config.embedding_dim, features: None },
        retrieval,
        refinement: None,
        artifacts,
    })
}
