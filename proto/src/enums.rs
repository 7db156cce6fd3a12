//! The enums. Each has 0 for "not set", which is refused: a forgotten field must not mean its first value.

use k2i_domain::port::StopReason;
use k2i_domain::state::{IncarnationCause, Life, RealignReason, StartAt};

use crate::error::{At, DecodeError, NEWER};
use crate::wire;

/// A domain enum and its number in a message.
pub(crate) trait Numbered: Sized {
    fn number(self) -> i32;
    fn from_number(field: &str, number: i32) -> Result<Self, DecodeError>;
}

/// Both directions from one list of pairs. A variant that is missing on either side does not compile.
macro_rules! numbered {
    ($domain:ty as $wire:ty: $($ours:ident $({ $field:ident: $value:literal })? = $theirs:ident),+ $(,)?) => {
        impl Numbered for $domain {
            fn number(self) -> i32 {
                match self {
                    $(Self::$ours $({ $field: $value })? => <$wire>::$theirs as i32,)+
                }
            }

            fn from_number(field: &str, number: i32) -> Result<Self, DecodeError> {
                match <$wire>::try_from(number) {
                    $(Ok(<$wire>::$theirs) => Ok(Self::$ours $({ $field: $value })?),)+
                    Ok(<$wire>::Unspecified) => Err(DecodeError::invalid("is not set")).at(field),
                    Err(_) => Err(unknown(number)).at(field),
                }
            }
        }
    };
}

numbered!(StartAt as wire::StartAt: Earliest = Earliest, Latest = Latest);

numbered!(Life as wire::Life:
    New = New,
    Fencing { adopting: false } = Fencing,
    Fencing { adopting: true } = Adopting,
    Owned = Owned,
);

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

fn unknown(number: i32) -> DecodeError {
    DecodeError::invalid(format!("is {number}, which this program does not know: {NEWER}"))
}
