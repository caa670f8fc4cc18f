package io.github.oft4j;

import io.github.oft4j.internal.Call;
import io.github.oft4j.internal.ffm.OftC;
import java.util.List;

/** What is done to gradients between {@link Tensor#backward()} and {@link Optimizer#step}. */
public final class Gradients {
  private Gradients() {}

  /**
   * Scales gradients down to a common 2-norm, as {@code torch.nn.utils.clip_grad_norm_}.
   *
   * @param parameters those without a gradient do not count
   * @param maxNorm the largest norm that stays as it is
   * @return the norm before
   * @throws OFTArgumentException where the norm is not finite; gradients are then as before
   */
  public static double clip(List<Tensor> parameters, double maxNorm) {
    try (var call = Call.open()) {
      var tensors = call.leaseAll(parameters.stream().map(tensor -> tensor.handle).toList());
      call.check(
          OftC.oft_gradients_clip(tensors, parameters.size(), maxNorm, call.out(), call.error()));
      return call.outDouble();
    }
  }
}
