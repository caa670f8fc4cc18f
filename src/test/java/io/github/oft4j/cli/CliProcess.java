package io.github.oft4j.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.ObjectMapper;
import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jfree.chart.JFreeChart;
import picocli.CommandLine;

/** A command line in a process of its own. */
final class CliProcess {
  private static final long PATIENCE_SECONDS = 120;
  private static final String LIBRARY = "oft4j.library";

  private final Path folder;
  private final Process process;

  /**
   * Starts a command.
   *
   * @param folder for what it prints
   * @param setUp shell commands that run before it, in its process
   */
  CliProcess(Path folder, String setUp, Object... args) throws IOException {
    this.folder = folder;
    var command = new ArrayList<>(List.of("bash", "-c", setUp + "; exec \"$@\"", "oft"));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-D" + LIBRARY + "=" + System.getProperty(LIBRARY));
    command.add("-Duser.home=" + folder); // where Java remembers the fonts it found
    command.addAll(List.of("-cp", classPath(), Main.class.getName()));
    Stream.of(args).map(Object::toString).forEach(command::add);
    process =
        new ProcessBuilder(command)
            .redirectOutput(folder.resolve("stdout").toFile())
            .redirectError(folder.resolve("stderr").toFile())
            .start();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  void interrupt() throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
  }

  CliRun await() throws IOException, InterruptedException {
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new IllegalStateException("the command did not end");
    }
    return new CliRun(
        process.exitValue(),
        Files.readString(folder.resolve("stdout")),
        Files.readString(folder.resolve("stderr")));
  }

  /** From where the classes came, since the tests run from a module path. */
  private static String classPath() {
    return Stream.of(
            Main.class,
            CommandLine.class,
            ObjectMapper.class,
            JsonFactory.class,
            JsonInclude.class,
            JFreeChart.class,
            VectorGraphics2D.class)
        .map(CliProcess::origin)
        .collect(Collectors.joining(":"));
  }

  private static String origin(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
