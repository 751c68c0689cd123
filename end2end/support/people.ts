// The accounts of the shared test server. Nobody else's password is ever in this repository.

export interface Person {
  readonly email: string;
  readonly password: string;
  readonly role: "admin" | "user";
}

export const ADMIN: Person = { email: "admin@example.com", password: "admin-password-1", role: "admin" };
export const USER: Person = { email: "user@example.com", password: "user-password-1", role: "user" };
export const OTHER_USER: Person = { email: "other@example.com", password: "other-password-1", role: "user" };
