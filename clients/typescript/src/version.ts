// What a session says that it speaks with. Must equal the version in package.json, as a test sees to.

export const VERSION = "0.1.0";
