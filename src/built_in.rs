//! The built-in data files (`patterns/*.toml`), which src/build.rs has converted to JSON without their samples: reading TOML
//! takes three times as long, and is done at the first message of every run.
#![forbid(unsafe_code)]

/// The content of the file with this name: `built_in!("words")`.
macro_rules! built_in {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/", $name, ".json")))
            .expect(concat!("patterns/", $name, ".toml"))
    };
}

/// The same with its samples, as it is in the repository.
#[cfg(test)]
macro_rules! with_samples {
    ($name:literal) => {
        toml::from_str(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/patterns/",
            $name,
            ".toml"
        )))
        .expect(concat!("patterns/", $name, ".toml"))
    };
}

pub(crate) use built_in;
#[cfg(test)]
pub(crate) use with_samples;
