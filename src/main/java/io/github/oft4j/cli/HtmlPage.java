package io.github.oft4j.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** A whole page in one file, which has a browser refuse whatever else it might load or run. */
final class HtmlPage {
  private HtmlPage() {}

  /**
   * An HTML document in UTF-8.
   *
   * @param resources the name of a style sheet and of a script beside this class
   */
  static byte[] of(String title, Html content, String resources) {
    String style = resource(resources + ".css");
    String script = resource(resources + ".js");
    String policy =
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src '%s'; script-src '%s'"
            .formatted(hash(style), hash(script));
    Html head =
        Html.of("head")
            .add(Html.of("meta").attribute("charset", "utf-8"))
            .add(meta("Content-Security-Policy", policy, "http-equiv"))
            .add(meta("viewport", "width=device-width, initial-scale=1", "name"))
            .add(Html.of("title", title))
            .add(Html.verbatim("style", style));
    Html body = Html.of("body").add(content, Html.verbatim("script", script));
    String document = "<!DOCTYPE html>\n" + Html.of("html").attribute("lang", "en").add(head, body);
    return document.getBytes(StandardCharsets.UTF_8);
  }

  private static Html meta(String name, String content, String kind) {
    return Html.of("meta").attribute(kind, name).attribute("content", content);
  }

  private static String resource(String name) {
    try (InputStream file = HtmlPage.class.getResourceAsStream(name)) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String hash(String code) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(code.getBytes(StandardCharsets.UTF_8));
      return "sha256-" + Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
