#ifndef EP_NN_REAL_H
#define EP_NN_REAL_H

/**
 * The precision of the engine. Every source of a bank is compiled twice: in float, which trains, and with
 * NN_DOUBLE in double, which the gradient check runs on. The double build has other names for the linker, so
 * that both can stand in one program; a source includes the headers of one of them only.
 */

#ifdef NN_DOUBLE
typedef double nn_real;
#define nn_activation_backward  nn64_activation_backward
#define nn_activation_forward   nn64_activation_forward
#define nn_add_bias             nn64_add_bias
#define nn_bank_batch_cost      nn64_bank_batch_cost
#define nn_bank_create          nn64_bank_create
#define nn_bank_destroy         nn64_bank_destroy
#define nn_bank_drops_out       nn64_bank_drops_out
#define nn_bank_evaluate        nn64_bank_evaluate
#define nn_bank_layout          nn64_bank_layout
#define nn_bank_members         nn64_bank_members
#define nn_bank_numbers         nn64_bank_numbers
#define nn_bank_options         nn64_bank_options
#define nn_bank_parameter       nn64_bank_parameter
#define nn_bank_penalty         nn64_bank_penalty
#define nn_bank_move_state      nn64_bank_move_state
#define nn_bank_read            nn64_bank_read
#define nn_bank_retire          nn64_bank_retire
#define nn_bank_shape           nn64_bank_shape
#define nn_bank_statistic       nn64_bank_statistic
#define nn_bank_step            nn64_bank_step
#define nn_bank_training        nn64_bank_training
#define nn_bank_trains          nn64_bank_trains
#define nn_bank_write           nn64_bank_write
#define nn_batchnorm_average    nn64_batchnorm_average
#define nn_batchnorm_backward   nn64_batchnorm_backward
#define nn_batchnorm_infer      nn64_batchnorm_infer
#define nn_batchnorm_train      nn64_batchnorm_train
#define nn_carve                nn64_carve
#define nn_carve_halves         nn64_carve_halves
#define nn_carve_pairs          nn64_carve_pairs
#define nn_carve_matrix         nn64_carve_matrix
#define nn_descend              nn64_descend
#define nn_dropout_apply        nn64_dropout_apply
#define nn_gemm_descend         nn64_gemm_descend
#define nn_gemm_descend16       nn64_gemm_descend16
#define nn_gemm_divisible       nn64_gemm_divisible
#define nn_gemm_forward         nn64_gemm_forward
#define nn_gemm_forward16       nn64_gemm_forward16
#define nn_gemm_has_bf16        nn64_gemm_has_bf16
#define nn_gemm_input_gradient  nn64_gemm_input_gradient
#define nn_gemm_round16         nn64_gemm_round16
#define nn_gemm_scratch         nn64_gemm_scratch
#define nn_initialise           nn64_initialise
#define nn_round_gradient       nn64_round_gradient
#define nn_scale_shift_backward nn64_scale_shift_backward
#define nn_scale_shift_forward  nn64_scale_shift_forward
#define nn_softmax              nn64_softmax
#define nn_softmax_gradient     nn64_softmax_gradient
#define nn_sum_rows             nn64_sum_rows
#define nn_workspace_create     nn64_workspace_create
#define nn_workspace_destroy    nn64_workspace_destroy
#define nn_workspace_numbers    nn64_workspace_numbers
#define nn_workspace_take       nn64_workspace_take
#else
typedef float nn_real;
#endif

#endif
