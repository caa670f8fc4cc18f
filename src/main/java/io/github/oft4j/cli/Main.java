package io.github.oft4j.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** The command line, {@code oft}. */
public final class Main {
  private Main() {}

  /**
   * Runs one command and ends the process with an {@linkplain ExitCode exit code}.
   *
   * @param args the words of the command line
   */
  public static void main(String[] args) {
    System.setProperty("java.awt.headless", "true"); // a JDK without X11 can still draw
    // The locale may know no superscript T; every terminal and tool of today reads UTF-8.
    var out = utf8(FileDescriptor.out);
    var err = utf8(FileDescriptor.err);
    int code;
    try (var interruption = Interruption.onShutdown()) {
      code = run(args, new Session(out, err, Session.stderrIsTerminal(), interruption));
      if (out.checkError()) {
        err.println("oft: the output could not be written in full");
        code = ExitCode.IO.code();
      }
    }
    System.exit(code);
  }

  static int run(String[] args, PrintStream out, PrintStream err) {
    return run(args, new Session(out, err, false, new Interruption()));
  }

  static int run(String[] args, Session session) {
    var failures = new FailureReporter(session, args);
    return commandLine(session)
        .setExecutionExceptionHandler((failure, command, _) -> failures.report(command, failure))
        .setParameterExceptionHandler((failure, _) -> failures.reportUsage(failure))
        .execute(args);
  }

  private static CommandLine commandLine(Session session) {
    return new CommandLine(new OftCommand(session))
        .addSubcommand(new TrainCommand(session))
        .addSubcommand(new MergeCommand(session))
        .addSubcommand(new InfoCommand(session))
        .addSubcommand(new CheckCommand(session))
        .addSubcommand(new QuickstartCommand(session))
        .addSubcommand(new VersionCommand(session))
        .addSubcommand(new CommandLine.HelpCommand())
        .setExpandAtFiles(false) // a path may begin with @
        .setUsageHelpWidth(100)
        .setOut(new PrintWriter(session.out(), true))
        .setErr(new PrintWriter(session.err(), true));
  }

  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }
}
