//! That the parts behind a port, real and fake, do what is relied on.

mod kafka;
mod s3;
