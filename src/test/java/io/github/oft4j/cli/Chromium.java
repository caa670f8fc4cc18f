package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;

/**
 * A browser without a window.
 *
 * @param program its name in the path
 * @param folder for its files
 */
record Chromium(String program, Path folder) {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome");
  private static final long PATIENCE_SECONDS = 120;

  /** What {@code prefers-color-scheme} says, in the order of Chromium's own numbers. */
  enum Scheme {
    DARK,
    LIGHT
  }

  /** A browser that starts; some systems have but a script of its name. */
  static Optional<Chromium> find(Path folder) throws IOException, InterruptedException {
    for (String name : NAMES) {
      try {
        var process = new ProcessBuilder(name, "--version").start();
        process.getInputStream().readAllBytes();
        if (process.waitFor() == 0) {
          return Optional.of(new Chromium(name, folder));
        }
      } catch (IOException notInstalled) {
        continue;
      }
    }
    return Optional.empty();
  }

  /** What becomes of a page by its script, which must not fail. */
  String load(Path page) throws IOException, InterruptedException {
    run("--dump-dom", page.toUri().toString());
    String messages = Files.readString(folder.resolve("stderr"));
    assertTrue(messages.lines().noneMatch(line -> line.contains(":CONSOLE:")), messages);
    return Files.readString(folder.resolve("stdout"));
  }

  BufferedImage picture(Path page, Scheme scheme, int width, int height)
      throws IOException, InterruptedException {
    Path picture = folder.resolve(scheme + ".png");
    run(
        "--screenshot=" + picture,
        "--hide-scrollbars",
        "--window-size=%d,%d".formatted(width, height),
        "--blink-settings=preferredColorScheme=" + scheme.ordinal(),
        page.toUri().toString());
    return ImageIO.read(picture.toFile());
  }

  private void run(String... arguments) throws IOException, InterruptedException {
    var command =
        new ArrayList<>(
            List.of(
                program,
                "--headless",
                "--no-sandbox", // which root may not have
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--enable-logging=stderr",
                "--user-data-dir=" + folder.resolve("profile")));
    command.addAll(List.of(arguments));
    Path messages = folder.resolve("stderr");
    var process =
        new ProcessBuilder(command)
            .redirectOutput(folder.resolve("stdout").toFile())
            .redirectError(messages.toFile())
            .start();
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new IllegalStateException("the browser did not end");
    }
    assertEquals(0, process.exitValue(), () -> command + " fails, see " + messages);
  }
}
