package io.github.oft4j.cli;

import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** A command whose result a program may want to read. */
abstract class ReportingSubcommand extends Subcommand {
  @Option(names = "--json", description = "Print one JSON document instead of text.")
  boolean json;

  ReportingSubcommand(Session session) {
    super(session);
  }

  final void print(String document, Supplier<String> text) {
    session.out().print(json ? document.strip() + "\n" : text.get());
  }
}
