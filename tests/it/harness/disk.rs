//! A disk that fails when it is told to: a layer under a service in a process of its own.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::folder;
use crate::contract::file;

/// The disk under one service.
pub struct Disk {
    told: PathBuf,
}

impl Disk {
    /// A disk that works; nothing where there is no compiler to make one that fails, which is then said.
    pub fn new() -> Option<Self> {
        layer()?;
        Some(Self { told: folder().join("disk") })
    }

    /// What a service needs in its environment to stand on it.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("LD_PRELOAD", layer().unwrap().to_owned()), ("SAMSYN_TEST_DISK", self.told.clone())]
    }

    /// Fails from now on, in a way that `disk.c` tells of.
    pub fn fail(&self, how: &str) {
        // Renamed, so that nobody reads half of it.
        let new = self.told.with_extension("new");
        fs::write(&new, how).unwrap();
        fs::rename(&new, &self.told).unwrap();
    }

    /// Whether it is to fail still.
    pub fn fails(&self) -> bool {
        self.told.exists()
    }

    /// Works again.
    pub fn mend(&self) {
        let _ = fs::remove_file(&self.told);
    }
}

fn layer() -> Option<&'static Path> {
    static LAYER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = LAYER.get_or_init(|| {
        let layer = folder().join("disk.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&layer).arg(file("tests/it/harness/disk.c"));
        let made = compiler.status().is_ok_and(|status| status.success());
        if !made {
            assert!(env::var_os("CI").is_none(), "cc is required in CI");
            let _ = writeln!(std::io::stderr(), "\n*** A DISK THAT FAILS IS NOT TRIED: there is no cc ***\n");
        }
        made.then_some(layer)
    });
    made.as_deref()
}
