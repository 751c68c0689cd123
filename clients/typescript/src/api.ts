// The shapes of the REST interface, made of docs/openapi.json by `cargo xtask interface`: change the server's types, never this file.

export {};
