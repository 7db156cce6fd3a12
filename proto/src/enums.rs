//! The enums. Each has 0 for "not set", which is refused: a forgotten field must not mean its first value.

use k2i_domain::port::{Decision, StopReason};
use k2i_domain::state::{IncarnationCause, Life, RealignReason, StartAt};

use crate::error::{At, DecodeError, NEWER};
use crate::fields::required;
use crate::wire;

/// A domain enum and its number in a message.
pub(crate) trait Numbered: Sized {
    fn number(self) -> i32;
    fn from_number(field: &str, number: i32) -> Result<Self, DecodeError>;
}

/// Both directions from one list of pairs. A variant that is missing on either side does not compile.
macro_rules! numbered {
    ($domain:ty as $wire:ty: $($ours:ident = $theirs:ident),+ $(,)?) => {
        impl Numbered for $domain {
            fn number(self) -> i32 {
                match self {
                    $(Self::$ours => <$wire>::$theirs as i32,)+
                }
            }

            fn from_number(field: &str, number: i32) -> Result<Self, DecodeError> {
                match <$wire>::try_from(number) {
                    $(Ok(<$wire>::$theirs) => Ok(Self::$ours),)+
                    Ok(<$wire>::Unspecified) => Err(DecodeError::invalid("is not set")).at(field),
                    Err(_) => Err(unknown(number)).at(field),
                }
            }
        }
    };
}

numbered!(StartAt as wire::StartAt: Earliest = Earliest, Latest = Latest);

numbered!(Decision as wire::Decision: Keep = Keep, Reingest = Reingest, Reset = Reset);

numbered!(RealignReason as wire::RealignReason:
    NotAPrefix = NotAPrefix,
    FilesVanished = FilesVanished,
    FilesTooOld = FilesTooOld,
    SchemaGone = SchemaGone,
);

numbered!(IncarnationCause as wire::IncarnationCause: Adopted = Adopted, StaleState = StaleState);

numbered!(StopReason as wire::StopReason:
    Record = Record,
    Schema = Schema,
    Config = Config,
    RetentionGap = RetentionGap,
    TopicRecreated = TopicRecreated,
    LogTruncated = LogTruncated,
    KafkaClusterChanged = KafkaClusterChanged,
    TableRecreated = TableRecreated,
    RolledBack = RolledBack,
    LineageUnverifiable = LineageUnverifiable,
    WatermarkMissing = WatermarkMissing,
    CatalogWentBack = CatalogWentBack,
    Replaced = Replaced,
    StreamClaimed = StreamClaimed,
    Operator = Operator,
);

impl From<&Life> for wire::Life {
    fn from(life: &Life) -> Self {
        match life {
            Life::New => Self::New,
            Life::Fencing { adopting: false } => Self::Fencing,
            Life::Fencing { adopting: true } => Self::Adopting,
            Life::Resuming(_) => Self::Resuming,
            Life::Owned => Self::Owned,
        }
    }
}

/// A life from its number and what goes with it.
pub(crate) fn life(number: i32, resuming: Option<wire::Resuming>) -> Result<Life, DecodeError> {
    match wire::Life::try_from(number) {
        Ok(wire::Life::New) => Ok(Life::New),
        Ok(wire::Life::Fencing) => Ok(Life::Fencing { adopting: false }),
        Ok(wire::Life::Adopting) => Ok(Life::Fencing { adopting: true }),
        Ok(wire::Life::Resuming) => Ok(Life::Resuming(required("resuming", resuming)?)),
        Ok(wire::Life::Owned) => Ok(Life::Owned),
        Ok(wire::Life::Unspecified) => Err(DecodeError::invalid("is not set")).at("life"),
        Err(_) => Err(unknown(number)).at("life"),
    }
}

fn unknown(number: i32) -> DecodeError {
    DecodeError::invalid(format!("is {number}, which this program does not know: {NEWER}"))
}
