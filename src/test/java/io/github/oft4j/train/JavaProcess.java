package io.github.oft4j.train;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Starts Java with these classes on its class path. */
final class JavaProcess {
  private static final String LIBRARY = "oft4j.library";

  private JavaProcess() {}

  /**
   * Starts a program, whose errors go where those of the tests go.
   *
   * @param main the name of a class, or a source file
   */
  static Process start(String main, Object... args) throws IOException {
    return startIn(Path.of(""), main, args);
  }

  /** The same in a working folder of its own. */
  static Process startIn(Path folder, String main, Object... args) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-Duser.language=en"); // of the numbers that programs print
    command.add("-D" + LIBRARY + "=" + System.getProperty(LIBRARY));
    command.addAll(List.of("-cp", classPath(), main));
    Stream.of(args).map(Object::toString).forEach(command::add);
    var builder =
        new ProcessBuilder(command)
            .directory(folder.toAbsolutePath().toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("OMP_WAIT_POLICY", "passive"); // else two of them block each other
    return builder.start();
  }

  /** From where the classes came, since the tests run from a module path. */
  private static String classPath() {
    return Stream.of(
            Trainer.class,
            JavaProcess.class,
            ObjectMapper.class,
            JsonFactory.class,
            JsonInclude.class)
        .map(JavaProcess::origin)
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static String origin(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
