//! Repositories of somebody who means harm, and servers that fail half-way.
