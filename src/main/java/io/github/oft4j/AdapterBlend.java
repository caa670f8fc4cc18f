package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.Json;
import io.github.oft4j.internal.ffm.OftC;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * One adapter from one or several, with a weight each. Rotations are blended on their group, not as
 * matrices, so the result is orthogonal to rounding whatever the formulas of the parts were. A
 * single adapter with a weight is that adapter at this strength.
 *
 * {@snippet :
 * BlendedAdapter blend =
 *     new AdapterBlend().add(style, 0.7).add(subject, 0.5).blend(scope);
 * blend.adapter().save(Path.of("blend"));
 * }
 *
 * <p>A layer that one of the adapters does not have counts as the identity there. Not safe from
 * several threads at once.
 */
public final class AdapterBlend {
  private final List<AdapterFile> adapters = new ArrayList<>();
  private final List<Double> weights = new ArrayList<>();
  private final ObjectNode options = Json.object();

  /** A blend without adapters yet. */
  public AdapterBlend() {}

  /**
   * Adds an adapter.
   *
   * @param adapter must stay open until {@link #blend}
   * @param weight what its angles are multiplied by; 1 for the adapter as it is
   * @return this
   */
  public AdapterBlend add(AdapterFile adapter, double weight) {
    adapters.add(Objects.requireNonNull(adapter, "adapter"));
    weights.add(weight);
    return this;
  }

  /**
   * Sets how rotations become one.
   *
   * @param rule {@link BlendRule#GROUP} by default
   * @return this
   */
  public AdapterBlend rule(BlendRule rule) {
    options.put("rule", rule.jsonName());
    return this;
  }

  /**
   * Names the model that the adapters are for. Files of other makers than PEFT then get the module
   * paths of its layers; OneTrainer's need it.
   *
   * @param base a {@code .safetensors} file, or a folder that holds a model
   * @return this
   */
  public AdapterBlend base(Path base) {
    options.put("base", base.toString());
    return this;
  }

  /**
   * Names the part of a pipeline that the adapters are for.
   *
   * @param component a folder of {@link #base}
   * @return this
   */
  public AdapterBlend component(String component) {
    options.put("component", Objects.requireNonNull(component, "component"));
    return this;
  }

  /**
   * Goes on where the adapters do not agree on parameters other than rotations (biases, modules to
   * save): those of the adapter with the largest weight are taken.
   *
   * @return this
   */
  public AdapterBlend force() {
    options.put("force", true);
    return this;
  }

  /**
   * Sets the type of the result's parameters.
   *
   * @param dtype a floating-point type; by default float32, or float64 where an adapter has it
   * @return this
   */
  public AdapterBlend dtype(DType dtype) {
    options.put("dtype", dtype.torchName());
    return this;
  }

  /**
   * Blends.
   *
   * @param scope owns the result
   * @return an adapter in memory, and what was made
   * @throws OFTArgumentException where no adapter was added, block sizes or sides do not go
   *     together, the adapters do not agree on other parameters, or a plane is turned by half a
   *     turn
   */
  public BlendedAdapter blend(OFTScope scope) {
    try (var call = Call.open()) {
      var json = call.utf8(Json.text(options));
      call.check(
          OftC.oft_blend_adapters(
              call.leaseAll(adapters.stream().map(adapter -> adapter.handle).toList()),
              call.doubles(weights.stream().mapToDouble(Double::doubleValue).toArray()),
              adapters.size(),
              json.data(),
              json.size(),
              call.out(),
              call.secondOut(),
              call.error()));
      var report = BlendReport.of(call.takeSecondText());
      return new BlendedAdapter(AdapterFile.adopt(call, scope, "AdapterFile, blended"), report);
    }
  }
}
