import { expect, it } from "vitest";
import { logoutUrl, settings } from "../src/auth";
import { parseConfig } from "../src/config";
import { connectSources } from "../src/csp";

const raw = {
  api_url: "https://api.example.com/v1/",
  websocket_url: "wss://live.example.com/v1",
  cognito: {
    authority: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x",
    client_id: "abc",
    domain: "team.auth.us-east-1.amazoncognito.com",
    redirect_uri: "https://page.example.com/",
  },
  region: "us-east-1",
  stack_name: "forever-us",
};

it("names what is missing", () => {
  expect(() => parseConfig({ api_url: "x", cognito: {} })).toThrow(
    "config.json: websocket_url, cognito.authority, cognito.client_id",
  );
  expect(() => parseConfig(null)).toThrow("api_url");
});

it("connects to the configured origins and to nothing else", () => {
  expect(connectSources(parseConfig(raw))).toEqual([
    "'self'",
    "https://api.example.com",
    "wss://live.example.com",
    "https://team.auth.us-east-1.amazoncognito.com",
  ]);
  const files_url = "https://data.s3.us-east-1.amazonaws.com";
  expect(connectSources(parseConfig({ ...raw, files_url }))).toContain(files_url);
});

it("signs in at the hosted domain, which is not the issuer", () => {
  const store = {} as Storage;
  const { metadata, redirect_uri, scope } = settings(parseConfig(raw), "https://page.example.com/", store);
  expect(metadata).toEqual({
    issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x",
    authorization_endpoint: "https://team.auth.us-east-1.amazoncognito.com/oauth2/authorize",
    token_endpoint: "https://team.auth.us-east-1.amazoncognito.com/oauth2/token",
    end_session_endpoint: "https://team.auth.us-east-1.amazoncognito.com/logout",
    revocation_endpoint: "https://team.auth.us-east-1.amazoncognito.com/oauth2/revoke",
  });
  expect([redirect_uri, scope]).toEqual(["https://page.example.com/", "openid email"]);
  const local = parseConfig({ ...raw, cognito: { ...raw.cognito, domain: "http://127.0.0.1:4566/" } });
  expect(local.cognito.domain).toBe("http://127.0.0.1:4566");
});

it("reads the issuer's discovery document when there is no domain", () => {
  const config = parseConfig({ ...raw, cognito: { authority: "http://127.0.0.1:4566/pool", client_id: "abc" } });
  expect(settings(config, "http://127.0.0.1/", {} as Storage).metadata).toBeUndefined();
  expect(connectSources(config)).toBeNull();
});

it("signs out in Cognito's own way", () => {
  expect(logoutUrl("https://d/logout", "abc", "https://page/")).toBe(
    "https://d/logout?client_id=abc&logout_uri=https%3A%2F%2Fpage%2F",
  );
});
