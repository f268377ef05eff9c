//! Servers that others wrote: rmcp, in both eras.
