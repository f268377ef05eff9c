//! Values that are more than one text: each part is checked and escaped on its own, so that none can pose as another.

/// A text in which systemd fills in something that only it knows.
///
/// The specifiers are named here, in code; a `%` in one of the texts stays a `%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub(super) parts: Vec<Part>,
}

/// A piece of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Read back as it is.
    Literal(String),
    /// Filled in by systemd.
    Specifier(Specifier),
}

/// What systemd can fill in (systemd.unit(5), "Specifiers").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specifier {
    /// `%i`: what stands behind the `@` in the name of an instance.
    Instance,
    /// `%t`: `$XDG_RUNTIME_DIR`.
    RuntimeDirectory,
    /// `%h`: the user's home folder.
    HomeDirectory,
    /// `%N`: the name of the unit without its type.
    UnitName,
    /// `%E`: `$XDG_CONFIG_HOME`.
    ConfigDirectory,
}

impl Specifier {
    /// As it stands in a unit file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "%i",
            Self::RuntimeDirectory => "%t",
            Self::HomeDirectory => "%h",
            Self::UnitName => "%N",
            Self::ConfigDirectory => "%E",
        }
    }

    /// Whether an absolute path is filled in.
    pub(super) fn is_path(self) -> bool {
        match self {
            Self::Instance | Self::UnitName => false,
            Self::RuntimeDirectory | Self::HomeDirectory | Self::ConfigDirectory => true,
        }
    }
}

impl Text {
    /// Appends a text, or a specifier.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.parts.extend(more.into().parts);
        self
    }
}

impl From<&str> for Text {
    fn from(literal: &str) -> Self {
        Self {
            parts: vec![Part::Literal(literal.to_owned())],
        }
    }
}

impl From<String> for Text {
    fn from(literal: String) -> Self {
        Self {
            parts: vec![Part::Literal(literal)],
        }
    }
}

impl From<Specifier> for Text {
    fn from(specifier: Specifier) -> Self {
        Self {
            parts: vec![Part::Specifier(specifier)],
        }
    }
}

/// `NAME=value`: a variable of the environment, a label, an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The left side; which characters it may have depends on the key.
    pub name: String,
    /// The right side: any text, an empty one too.
    pub value: String,
}

impl Assignment {
    /// Puts the two sides together.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// A secret of Podman that the container finds in a variable: `NAME,type=env,target=VARIABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVariable {
    /// The secret's name in Podman.
    pub secret: String,
    /// The variable that holds its value inside.
    pub variable: String,
}

/// What a container sees at a path: `SOURCE:TARGET:OPTIONS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Where the content lies.
    pub source: VolumeSource,
    /// The absolute path inside.
    pub target: String,
    /// Options of `podman run --volume`: `ro`, `U`, `z`.
    pub options: Vec<String>,
}

/// Where the content of a [`VolumeMount`] lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A folder or file of the host, by its absolute path.
    Host(String),
    /// A volume that a Quadlet file makes, by that file's name: `mcpod-NAME_data.volume`.
    Unit(String),
}

/// A folder in memory inside the container: `TARGET:OPTIONS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryMount {
    /// The absolute path inside.
    pub target: String,
    /// Options of `podman run --tmpfs`: `size=64m`, `noexec`.
    pub options: Vec<String>,
}

/// An option of podman's command line, for which Quadlet has no key.
///
/// The option's name comes from code; only its value can come from elsewhere. They make one word together, so that the value is
/// never taken for another option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodmanOption {
    pub(super) name: &'static str,
    pub(super) value: Option<Text>,
}

impl PodmanOption {
    /// `--NAME`.
    pub const fn flag(name: &'static str) -> Self {
        Self { name, value: None }
    }

    /// `--NAME=VALUE`.
    pub fn with(name: &'static str, value: impl Into<Text>) -> Self {
        Self {
            name,
            value: Some(value.into()),
        }
    }
}

/// Where a service's output goes (systemd.exec(5), `StandardError=`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// To the journal.
    Journal,
    /// To the end of the file of this absolute path.
    Append(Text),
    /// To where the standard output goes.
    Inherit,
}

/// The permissions of a file, as chmod(1) takes them in octal: `FileMode(0o600)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(pub u16);

/// A share of the processors' time: `CpuShare(150)` is `150%`, one and a half processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuShare(pub u32);
