package io.github.oft4j.cli;

import io.github.oft4j.AdapterConvert;
import io.github.oft4j.AdapterFile;
import io.github.oft4j.ConvertReport;
import io.github.oft4j.ConvertTarget;
import io.github.oft4j.DType;
import io.github.oft4j.Formula;
import io.github.oft4j.OFTScope;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code oft convert}: writes an adapter in another format. */
@Command(
    name = "convert",
    description = {
      "Writes an adapter in another format, exactly where that has the words for it.",
      "OUT appears whole or not at all."
    },
    sortOptions = false)
final class ConvertCommand extends ReportingSubcommand {
  /** The formulas that can be asked for. */
  enum NewFormula {
    CAYLEY(Formula.CAYLEY),
    CAYLEY_NEUMANN(Formula.CAYLEY_NEUMANN);

    private final Formula formula;

    NewFormula(Formula formula) {
      this.formula = formula;
    }
  }

  @Parameters(index = "0", paramLabel = "IN", description = "An adapter, whoever made it.")
  private Path input;

  @Parameters(
      index = "1",
      paramLabel = "OUT",
      description = "A folder for peft, peft-0.15 and lora; a .safetensors file for the others.")
  private Path target;

  @Option(
      names = "--to",
      required = true,
      paramLabel = "FORMAT",
      converter = TargetName.class,
      description = {
        "peft: a folder that PEFT 0.18 and later read;",
        "peft-0.15: one for PEFT 0.14 and 0.15 (needs --base);",
        "lycoris: a file for LyCORIS, of what turns outputs;",
        "lora: PEFT's LoRA, the best approximation of a rank (needs --base);",
        "full: the change of each weight, as LyCORIS has it (needs --base)."
      })
  private ConvertTarget to;

  @Option(
      names = "--formula",
      paramLabel = "NAME",
      converter = FormulaName.class,
      description = "cayley or cayley-neumann; default: the adapter's own. Only to peft.")
  private NewFormula formula;

  @Option(names = "--base", paramLabel = "PATH", description = "The model it is for.")
  private Path base;

  @Option(
      names = "--component",
      paramLabel = "NAME",
      description = "The part of a pipeline it is for: unet, text_encoder, ...")
  private String component;

  @Option(names = "--rank", paramLabel = "R", description = "Of the LoRA; default: 64.")
  private Integer rank;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = FloatingType.class,
      description = "Write float16, bfloat16, float32 or float64.")
  private DType dtype;

  @Option(
      names = "--force",
      description = "Go on past what the format cannot say, layers without a weight, an old OUT.")
  private boolean force;

  @Option(names = "--all", description = "List all layers, not only the worst.")
  private boolean all;

  ConvertCommand(Session session) {
    super(session);
  }

  @Override
  ExitCode execute() {
    try (var scope = OFTScope.open()) {
      ConvertReport report = conversion(AdapterFile.load(scope, input)).writeTo(target);
      print(report.json(), () -> new ConvertText(all).of(input, report));
    }
    return ExitCode.DONE;
  }

  private AdapterConvert conversion(AdapterFile adapter) {
    var convert = AdapterConvert.of(adapter, to);
    if (formula != null) {
      convert.formula(formula.formula);
    }
    if (base != null) {
      convert.base(base);
    }
    if (component != null) {
      convert.component(component);
    }
    if (rank != null) {
      convert.rank(rank);
    }
    if (dtype != null) {
      convert.dtype(dtype);
    }
    if (force) {
      convert.force();
    }
    return convert;
  }

  private static final class FormulaName extends Choice<NewFormula> {
    FormulaName() {
      super(NewFormula.class);
    }
  }

  private static final class TargetName extends Choice<ConvertTarget> {
    TargetName() {
      super(ConvertTarget.class, ConvertTarget::jsonName);
    }
  }
}
