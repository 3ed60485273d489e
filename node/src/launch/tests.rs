use super::*;

fn refusal(text: &str) -> String {
    Launch::parse(text, "car.toml").unwrap_err().to_string()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../launch")
}

fn files(extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(Launch::parse("", "car.toml").unwrap(), Launch::default());
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_known_ones() {
    let text = refusal("name = \"front\"\n\n[keys]\n  imgae = \"camera/image\"\n");
    assert!(text.starts_with("car.toml:4:3: ") && text.contains("imgae") && text.contains("camera_info"), "{text}");
    let text = refusal("[transprot]\n");
    assert!(text.starts_with("car.toml:1:2: ") && text.contains("transprot"), "{text}");
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_its_line() {
    let text = refusal("[limits]\njoin_wait_us = \"soon\"\n");
    assert!(text.starts_with("car.toml:2:"), "{text}");
    let text = refusal("[model]\nproviders = [\"gpu\"]\n");
    assert!(text.starts_with("car.toml:2:") && text.contains("gpu"), "{text}");
}

#[test]
fn a_value_out_of_range_is_told_with_its_line_and_key() {
    for (text, place, key) in [
        ("name = \"a/b\"", "car.toml:1", "name"),
        ("# x\n[limits]\n# y\ndeadline_us = 0", "car.toml:4", "limits.deadline_us"),
        ("[model]\nthreads = 0", "car.toml:2", "model.threads"),
        ("[model]\nproviders = []", "car.toml:2", "model.providers"),
        ("[keys]\nimage = \"/camera\"", "car.toml:2", "keys.image"),
        ("[keys]\nstatus = \"object_pose\"", "car.toml:2", "keys.status"),
        ("[transport]\nlisten = []", "car.toml:2", "transport.listen"),
        ("[transport]\npool_bytes = 1", "car.toml:2", "transport.pool_bytes"),
        ("[transport]\nmode = \"client\"", "car.toml", "transport.connect"),
        ("[retrieval]\njittered_crops = 9", "car.toml:2", "retrieval.jittered_crops"),
        ("[limits]\nbatch_max = 2\n[retrieval]\njittered_crops = 4", "car.toml:4", "retrieval.jittered_crops"),
        ("[retrieval]\nunsure_flip_probability = 1.5", "car.toml:2", "retrieval.unsure_flip_probability"),
        ("[retrieval]\nunsure_spread_deg = nan", "car.toml:2", "retrieval.unsure_spread_deg"),
        ("[limits]\n\nrefine_steps_max = 101", "car.toml:3", "limits.refine_steps_max"),
        ("[camera]\nlevel_sigma_deg = -1.0", "car.toml:2", "camera.level_sigma_deg"),
        ("[camera]\nlevel_sigma_deg = nan", "car.toml:2", "camera.level_sigma_deg"),
        ("[camera]\nmounting_pitch_deg = 91.0", "car.toml:2", "camera.mounting_pitch_deg"),
        ("[camera]\nmounting_roll_deg = inf", "car.toml:2", "camera.mounting_roll_deg"),
        ("[limits]\njoin_wait_us = 100000", "car.toml:2", "limits.join_wait_us"),
    ] {
        let told = refusal(text);
        assert!(told.starts_with(&format!("{place}: {key} ")), "{text}: {told}");
    }
}

#[test]
fn who_does_not_refine_opens_the_network_without_its_feature_map() {
    assert!(Launch::default().refinement.enabled && Launch::default().backbone().features);
    let launch = Launch::parse("[refinement]\nenabled = false\n[limits]\nrefine_steps_max = 0", "car.toml").unwrap();
    assert!(!launch.backbone().features);
    assert_eq!((launch.limits.refine_steps_max, launch.backbone().batch_max), (0, 8));
    for (text, place, named) in [
        ("[refinement]\nenable = false", "car.toml:2:1", "enabled"),
        ("[refinement]\nenabled = 1", "car.toml:2:", "bool"),
        ("[refinement]\nenabled = \"no\"", "car.toml:2:", "bool"),
        ("[refine]\nenabled = true", "car.toml:1:2", "refinement"),
        ("[refinement]\nenabled = true\nenabled = true", "car.toml:3:", "duplicate"),
        ("[limits]\nrefine_steps_max = -1", "car.toml:2:", "u32"),
        ("[limits]\nrefinement_steps_max = 5", "car.toml:2:1", "refine_steps_max"),
    ] {
        let told = refusal(text);
        assert!(told.starts_with(place) && told.contains(named), "{text}: {told}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("car.toml");
    std::fs::write(&path, "[model]\ndirectory = \"models/car\"\n[transport]\nzenoh_config = \"/etc/zenoh.json5\"")
        .unwrap();
    let launch = Launch::load(&path).unwrap();
    assert_eq!(launch.model.directory, Some(folder.path().join("models/car")));
    assert_eq!(launch.transport.zenoh_config, Some(PathBuf::from("/etc/zenoh.json5")));
    assert!(Launch::load(&folder.path().join("none.toml")).unwrap_err().to_string().contains("none.toml"));
}

#[test]
fn every_launch_file_loads() {
    let files = files("toml");
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        Launch::load(&file).unwrap_or_else(|error| unreachable!("{error}"));
    }
}

#[test]
fn the_vehicle_file_shows_every_default() {
    /// A launch file knows that its camera is a vehicle's; the default cannot.
    const OF_A_VEHICLE: [(&str, &str); 1] = [("camera", "level_sigma_deg")];
    let path = folder().join("vehicle.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let given: toml::Table = text.parse().unwrap();
    let full = toml::Table::try_from(Launch::default()).unwrap();
    for (table, value) in &full {
        let Some(keys) = value.as_table() else {
            assert_eq!(given.get(table), Some(value), "{table}");
            continue;
        };
        for (key, value) in keys {
            let found = given.get(table).and_then(|table| table.get(key));
            if OF_A_VEHICLE.contains(&(table.as_str(), key.as_str())) {
                assert!(found.is_some_and(|found| found != value), "{table}.{key}");
            } else {
                assert_eq!(found, Some(value), "{table}.{key}");
            }
        }
    }
}

#[test]
fn the_systemd_unit_starts_the_node_and_may_lock_memory() {
    let units = files("service");
    assert!(!units.is_empty());
    for unit in units {
        let text = std::fs::read_to_string(&unit).unwrap();
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
        assert_eq!(value("LimitMEMLOCK").as_deref(), Some("infinity"), "{}", unit.display());
        let start = value("ExecStart").unwrap();
        let config = start.split_once(" run --config ").map(|(_, path)| Path::new(path).to_path_buf()).unwrap();
        assert!(folder().join(config.file_name().unwrap()).is_file(), "{start}");
    }
}
